"""What validation reports: accuracy and coverage, overall, by n and by family."""

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from mutualist.models.quantiles import interpolate

BANDS = ((0, 100), (100, 300), (300, 500), (500, 10**9))  # of n: lower end excluded, as in the paper's protocol


@dataclass
class Scores:
    """Collects the answers of a split, a batch at a time.

    Args:
        levels: the quantile levels of the answers.
    """

    levels: tuple[float, ...]
    _quantiles: list[np.ndarray] = field(default_factory=list)
    _truth: list[np.ndarray] = field(default_factory=list)
    _n: list[np.ndarray] = field(default_factory=list)
    _family: list[str] = field(default_factory=list)

    def add(self, quantiles: Tensor, truth: Tensor, n: Tensor, family: list[str]) -> None:
        """Adds B records: quantiles (B, Q) and truth (B,) in nats, n (B,)."""
        self._quantiles.append(quantiles.detach().float().cpu().numpy())
        self._truth.append(truth.float().cpu().numpy())
        self._n.append(n.cpu().numpy())
        self._family.extend(family)

    def gathered(self) -> "Scores":
        """The records of all devices together."""
        if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
            return self
        parts: list[Scores | None] = [None] * torch.distributed.get_world_size()
        torch.distributed.all_gather_object(parts, self)
        whole = Scores(self.levels)
        for part in parts:
            if part is not None:
                whole._quantiles += part._quantiles
                whole._truth += part._truth
                whole._n += part._n
                whole._family += part._family
        return whole

    def summary(self) -> dict[str, float]:
        """Scores by name: pinball, mse, mae, bias, cover90, width90; mse_n/…, mae_n/…, cover90_n/… ; mae_family/… ."""
        if not self._truth:
            return {}
        quantiles, truth, n = (np.concatenate(a).astype(np.float64) for a in (self._quantiles, self._truth, self._n))
        levels = np.array(self.levels)
        low, median, high = interpolate(levels, quantiles, np.array([0.05, 0.5, 0.95])).T
        gap = truth[:, None] - quantiles
        error = median - truth
        covered = (truth >= low) & (truth <= high)
        out = {
            "pinball": np.maximum(levels * gap, (levels - 1) * gap).mean(),
            "mse": (error**2).mean(),
            "mae": np.abs(error).mean(),
            "bias": error.mean(),
            "cover90": covered.mean(),
            "width90": (high - low).mean(),
        }
        for lower, upper in BANDS:
            band = (n > lower) & (n <= upper)
            if band.any():
                name = f"{lower}-{upper}" if upper < 10**9 else f"{lower}-"
                out[f"mse_n/{name}"] = (error[band] ** 2).mean()
                out[f"mae_n/{name}"] = np.abs(error[band]).mean()
                out[f"cover90_n/{name}"] = covered[band].mean()
        family = np.array(self._family)
        for name in sorted(set(self._family)):
            out[f"mae_family/{name}"] = np.abs(error[family == name]).mean()
        return {name: float(value) for name, value in out.items()}
