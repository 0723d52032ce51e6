"""How far a sample lies from those that the estimator knows: nearest neighbours in the network's own space.

The network sums up each sample in one vector before it answers. Some of these vectors, of records that it was
calibrated on, are kept in their leading principal directions, and a new sample is as strange as its distance from the
nearest of them is large (deep nearest neighbours against inputs out of distribution: Sun, Ming, Zhu and Li, 2022).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from mutualist.errors import ConfigError
from mutualist.models.arrays import check_arrays

Array = NDArray[np.float32]

_POINTS, _DIRECTIONS, _NEAREST, _GRID = 2000, 64, 5, 201
_GROUPS = 40  # of points, each looked at as one first
_CHUNK = 1024  # samples whose distances are held at once


@dataclass(frozen=True)
class Reference:
    """What the estimator knows.

    Attributes:
        centre: (F,) mean of the summaries.
        directions: (F, K) principal directions of the standardised summaries, scaled to unit variance along each.
        points: (M, K) known samples in these directions.
        distances: (G,) quantiles, at G equal steps from 0 to 1, of the distances of further samples of the same kinds.
    """

    centre: Array
    directions: Array
    points: Array
    distances: Array

    def __post_init__(self) -> None:
        f, k, m = len(self.centre), self.directions.shape[-1], len(self.points)
        shapes = {"centre": (f,), "directions": (f, k), "points": (m, k), "distances": (len(self.distances),)}
        check_arrays("reference", self, shapes)
        if m < _NEAREST or len(self.distances) < 2 or (np.diff(self.distances) < 0).any():
            raise ConfigError(f"reference: it takes {_NEAREST} points and distances that do not decrease")

    @classmethod
    def fit(cls, summaries: NDArray[np.floating], rng: np.random.Generator) -> "Reference":
        """The reference of summaries (R, F): up to 2,000 of them, at most half, are kept; the rest set the scale."""
        values = np.asarray(summaries, np.float64)[rng.permutation(len(summaries))]
        if len(values) < 4 * _NEAREST:
            raise ConfigError(f"a reference needs at least {4 * _NEAREST} records, got {len(values)}")
        centre, scale = values.mean(0), values.std(0) + 1e-3
        _, spread, axes = np.linalg.svd((values - centre) / scale, full_matrices=False)
        count = min(_DIRECTIONS, int((spread > 1e-6 * spread[0]).sum()))
        directions = axes[:count].T / scale[:, None] / spread[:count] * np.sqrt(len(values))
        placed = (values - centre) @ directions
        kept = min(_POINTS, len(values) // 2)
        points, others = placed[:kept].astype(np.float32), placed[kept:].astype(np.float32)
        distances = np.quantile(_distances(others, points, _squares(points)), np.linspace(0, 1, _GRID))
        return cls(*(np.ascontiguousarray(part, np.float32) for part in (centre, directions, points, distances)))

    def strangeness(self, summaries: NDArray[np.floating]) -> NDArray[np.float64]:
        """For summaries (B, F), the share (B,) of known samples that lie nearer to their neighbours: 0 to 1."""
        placed = ((np.asarray(summaries, np.float32) - self.centre) @ self.directions).astype(np.float32)
        distances = np.concatenate(
            [
                _distances(placed[i : i + _CHUNK], self.points, self._squares)
                for i in range(0, max(len(placed), 1), _CHUNK)
            ]
        )
        return np.interp(distances, self.distances, np.linspace(0, 1, len(self.distances)))

    @cached_property
    def _squares(self) -> Array:
        return _squares(self.points)

    def to_tensors(self) -> dict[str, Array]:
        """The arrays by name."""
        return {name: getattr(self, name) for name in ("centre", "directions", "points", "distances")}


def _squares(points: Array) -> Array:
    squares: Array = np.einsum("mk,mk->m", points, points)
    return squares


def _distances(placed: Array, points: Array, squares: Array) -> Array:
    """Mean Euclidean distance of each of `placed` (B, K) from the nearest few of `points` (M, K): (B,).

    squares: (M,) of the lengths of `points`.
    """
    beyond = torch.from_numpy(squares - 2 * placed @ points.T)  # squared distances, less what a row has in common
    if len(placed) > 1 and len(points) >= _GROUPS:
        beyond = _candidates(beyond)
    nearest = beyond.topk(_NEAREST, largest=False, sorted=False).values.numpy()
    distances: Array = np.sqrt(np.maximum(nearest + (placed**2).sum(1)[:, None], 0)).mean(1)
    return distances


def _candidates(values: torch.Tensor) -> torch.Tensor:
    """Of values (B, M) fewer columns that hold the least few: these lie in the groups whose least values are least."""
    grouped = values.shape[1] // _GROUPS * _GROUPS
    groups, rest = values[:, :grouped].unflatten(1, (-1, _GROUPS)), values[:, grouped:]
    best = groups.amin(1).topk(_NEAREST, largest=False, sorted=False).indices
    return torch.cat([groups.gather(2, best[:, None].expand(-1, groups.shape[1], -1)).flatten(1), rest], 1)
