"""Flows fitted to a table: from noise to rows that look like the table's, and back. Stored as safetensors and JSON.

A row is standardised column by column and then mapped to standard normal noise by spline couplings (Durkan et al.
2019, arXiv:1906.04032) that are trained by maximum likelihood. The map is a bijection, so whatever is known about the
MI of noise with something else holds for the synthetic rows as well.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from mutualist.datagen.flows import InvertibleFlow, Rows, random_flow, single_thread
from mutualist.errors import ConfigError, DataError, InputError

FORMAT = 1
WEIGHTS, DESCRIPTION = "flow.safetensors", "flow.json"


@dataclass(frozen=True)
class FittedFlow:
    """A bijection between noise and rows like those of a table.

    Attributes:
        flow: from standardised rows to noise.
        location, scale: of the table's columns, shape (dim,).
        columns: their names.
        likelihood: mean log density of the rows held out of the fit, in nats per row; beside it that of a normal
            distribution with the table's mean and covariance.
    """

    flow: InvertibleFlow
    location: NDArray[np.float64]
    scale: NDArray[np.float64]
    columns: tuple[str, ...]
    likelihood: dict[str, float]

    def to_noise(self, rows: Rows) -> NDArray[np.float32]:
        """Rows like the table's, shape (n, dim), to noise of the same shape."""
        return self.flow.forward((np.asarray(rows, dtype=np.float64) - self.location) / self.scale)

    def from_noise(self, noise: Rows) -> NDArray[np.float64]:
        """Noise of shape (n, dim) to rows like the table's; undoes `to_noise`."""
        return self.flow.inverse(noise) * self.scale + self.location

    def sample(self, n: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """n synthetic rows, shape (n, dim)."""
        return self.from_noise(rng.standard_normal((n, self.flow.dim)))

    def save(self, directory: Path) -> None:
        """Writes flow.safetensors and flow.json into `directory`, which is made if it is missing."""
        directory.mkdir(parents=True, exist_ok=True)
        save_file(self.flow.layers.state_dict(), directory / WEIGHTS)
        description = {
            "format": FORMAT,
            "layers": self.flow.parameters["layers"],
            "columns": list(self.columns),
            "location": self.location.tolist(),
            "scale": self.scale.tolist(),
            "likelihood": self.likelihood,
        }
        (directory / DESCRIPTION).write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, directory: Path) -> "FittedFlow":
        """Reads what `save` wrote. DataError if it is missing, damaged or of another format."""
        try:
            description: dict[str, Any] = json.loads((directory / DESCRIPTION).read_text(encoding="utf-8"))
            if description["format"] != FORMAT:
                raise DataError(
                    f"{directory} holds a flow of format {description['format']}; this release reads {FORMAT}"
                )
            columns = tuple(str(name) for name in description["columns"])
            # The weights of this flow are replaced; it gives the layers their shapes.
            flow = random_flow(np.random.default_rng(0), len(columns), "spline", int(description["layers"]))
            flow.layers.load_state_dict(load_file(directory / WEIGHTS))
            location, scale = (np.array(description[key], dtype=np.float64) for key in ("location", "scale"))
            if not location.shape == scale.shape == (len(columns),):
                raise ValueError("location and scale must have one number per column")
            return cls(flow, location, scale, columns, dict(description["likelihood"]))
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError, ConfigError) as error:
            raise DataError(f"{directory} holds no readable flow ({error}); fit it again") from error


def fit_flow(
    table: Rows,
    rng: np.random.Generator,
    columns: tuple[str, ...] = (),
    layers: int = 6,
    steps: int = 1500,
    batch: int = 256,
    learning_rate: float = 5e-3,
) -> FittedFlow:
    """Fits a flow to a table by maximum likelihood, on one thread; keeps the step with the best held-out likelihood.

    Args:
        table: rows, shape (n, dim) with n ≥ 50 and dim ≥ 2, finite; no column constant. Columns with ties (counts,
            labels) come out smooth: a flow has a density.
        rng: source of every random number: weights, the tenth of rows held out, batches.
        columns: names to store; by default c0, c1, …
        layers, steps, batch, learning_rate: of the flow and of Adam's descent, whose rate falls to 0 as a cosine.

    Raises:
        InputError: when the table has another shape, a value that is not finite, or a constant column.
        ConfigError: when an option is out of range.
    """
    values = _checked(table)
    n, dim = values.shape
    names = columns or tuple(f"c{j}" for j in range(dim))
    if len(names) != dim:
        raise InputError(f"got {len(names)} column names for {dim} columns; give one for each")
    if steps < 1 or batch < 1 or not learning_rate > 0:
        raise ConfigError(f"steps={steps}, batch={batch}, learning_rate={learning_rate}: all must be above 0")
    location, scale = values.mean(axis=0), values.std(axis=0)
    rows = torch.from_numpy(((values - location) / scale).astype(np.float32)[rng.permutation(n)])
    held_out, train = rows[: max(1, n // 10)], rows[max(1, n // 10) :]
    # Weak at first: near a rotation, whose likelihood is that of uncorrelated noise.
    flow = random_flow(rng, dim, "spline", layers, strength=0.1)
    weights = [p.requires_grad_(True) for p in flow.layers.parameters()]
    optimiser = torch.optim.Adam(weights, lr=learning_rate)
    best, kept = -math.inf, {}
    with single_thread():
        for step in range(steps):
            for group in optimiser.param_groups:
                group["lr"] = learning_rate * 0.5 * (1 + math.cos(math.pi * step / steps))
            picked = train[torch.from_numpy(rng.integers(0, len(train), batch))]
            loss = -_log_density(flow, picked).mean()
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(weights, 5.0)
            optimiser.step()
            if step % 50 == 49 or step == steps - 1:
                with torch.no_grad():
                    score = float(_log_density(flow, held_out).mean())
                if score > best:
                    best, kept = score, {k: v.clone() for k, v in flow.layers.state_dict().items()}
    if not kept:
        raise InputError("the fit diverged: the likelihood is not finite; lower learning_rate or clip far-out rows")
    flow.layers.load_state_dict(kept)
    for p in weights:
        p.requires_grad_(False)
    normal = torch.distributions.MultivariateNormal(train.mean(dim=0), torch.cov(train.T) + 1e-6 * torch.eye(dim))
    units = float(np.log(scale).sum())
    likelihood = {"flow": best - units, "normal": float(normal.log_prob(held_out).mean()) - units}
    return FittedFlow(flow, location, scale, tuple(names), likelihood)


def _log_density(flow: InvertibleFlow, rows: torch.Tensor) -> torch.Tensor:
    z, total = rows, rows.new_zeros(len(rows))
    for layer in flow.layers:
        z, log_det = layer(z)
        total = total + log_det
    return total - 0.5 * (z * z).sum(dim=1) - 0.5 * z.shape[1] * math.log(2 * math.pi)


def _checked(table: Rows) -> NDArray[np.float64]:
    values = np.asarray(table, dtype=np.float64)
    if values.ndim != 2 or values.shape[0] < 50 or values.shape[1] < 2:
        raise InputError(f"a flow is fitted to at least 50 rows of at least 2 columns, got shape {values.shape}")
    if not np.isfinite(values).all():
        bad = int(np.argmin(np.isfinite(values).all(axis=0)))
        raise InputError(f"column {bad} holds NaN or infinite values; leave those rows out")
    if (np.ptp(values, axis=0) == 0).any():
        raise InputError(f"column {int(np.argmin(np.ptp(values, axis=0)))} is constant; leave it out")
    return values
