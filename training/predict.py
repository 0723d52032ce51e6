"""The raw answers of a network for a split of a meta-dataset."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from mutualist.errors import DataError
from mutualist.models import MutualInfoNet
from mutualist.models.describe import describe_values
from mutualist.training.batching import Batch

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Answers:
    """A network's uncalibrated quantiles for R records, and the truth.

    Attributes:
        levels: (Q,).
        quantiles: (R, Q) nats, increasing.
        truth: (R,) nats.
        n, dx, dy: (R,).
        tied: (R,) share of rows in atoms, in the column that has most (`Atoms.tied`).
        family: (R,) names.
        summaries: (R, F) the network's summaries of the samples.
    """

    levels: Array
    quantiles: Array
    truth: Array
    n: NDArray[np.int64]
    dx: NDArray[np.int64]
    dy: NDArray[np.int64]
    tied: Array
    family: NDArray[np.str_]
    summaries: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.truth)

    @property
    def median(self) -> int:
        """Index of the level 0.5."""
        return int(np.abs(self.levels - 0.5).argmin())

    def where(self, chosen: NDArray[np.bool_]) -> "Answers":
        """The records for which `chosen` (R,) holds."""
        return Answers(
            self.levels,
            self.quantiles[chosen],
            self.truth[chosen],
            self.n[chosen],
            self.dx[chosen],
            self.dy[chosen],
            self.tied[chosen],
            self.family[chosen],
            self.summaries[chosen],
        )


def answers(
    net: MutualInfoNet, batches: Iterable[Batch], seed: int = 0, advance: Callable[[int], object] | None = None
) -> Answers:
    """Runs `net` over batches; `advance` is called with the size of each. Ties are broken from `seed`.

    Raises:
        DataError: there are no records, or the network's answer is not finite for one.
    """
    generator = torch.Generator().manual_seed(seed)
    columns: dict[str, list[NDArray]] = {key: [] for key in ("quantiles", "summaries", "tied", "mi", "n", "dx", "dy")}
    family: list[str] = []
    with torch.inference_mode():
        for batch in batches:
            values, side, rows, exist = (batch[key] for key in ("values", "side", "row_mask", "column_mask"))
            sample = describe_values(values, side, rows, exist, net.config, generator)
            quantiles, summaries = net.read(sample)
            if not bool(torch.isfinite(quantiles).all()):
                raise DataError(f"the network's answer is not finite for a record among {sorted(set(batch['family']))}")
            columns["quantiles"].append(quantiles.double().numpy())
            columns["summaries"].append(summaries.numpy())
            columns["tied"].append(sample.atoms.tied.double().numpy())
            for key in ("mi", "n", "dx", "dy"):
                columns[key].append(batch[key].numpy())
            family.extend(batch["family"])
            if advance is not None:
                advance(len(quantiles))
    if not family:
        raise DataError("no records to answer for; give a split that has some")
    whole = {key: np.concatenate(parts) for key, parts in columns.items()}
    return Answers(
        np.array(net.config.levels),
        whole["quantiles"],
        whole["mi"].astype(np.float64),
        whole["n"],
        whole["dx"],
        whole["dy"],
        whole["tied"],
        np.array(family),
        whole["summaries"],
    )
