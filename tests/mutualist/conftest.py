"""A stand-in for the trained estimator, so that the doors are tested apart from the weights."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike
from typer.testing import CliRunner

from mutualist import factory
from mutualist.errors import InputError
from mutualist.result import MIEstimate, PairwiseEstimates

LEVELS = np.array([0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99])
EXAMPLES = Path(__file__).parents[2] / "data" / "examples"


class GaussianEstimator:
    """Normal-copula estimate of the mutual information; the spread of its quantiles is made up."""

    info: Mapping[str, Any] = {
        "name": "gaussian",
        "version": "0",
        "meta_distribution": {"n": [2, 500]},
        "metrics": {},
        "versions": {},
    }

    def estimate(self, x: ArrayLike, y: ArrayLike) -> MIEstimate:
        x, y = (np.asarray(v, dtype=float).reshape(len(np.asarray(v)), -1) for v in (x, y))
        if len(x) != len(y) or len(x) < 2 or not (np.isfinite(x).all() and np.isfinite(y).all()):
            raise InputError(f"x has {len(x)} rows and y {len(y)}; give the same number, at least 2, all finite")
        scores = np.hstack([x, y]).argsort(0).argsort(0).astype(float)
        shrunk = 0.98 * np.corrcoef(scores.T) + 0.02 * np.eye(scores.shape[1])
        dx = x.shape[1]
        parts = [np.linalg.slogdet(c)[1] for c in (shrunk[:dx, :dx], shrunk[dx:, dx:], shrunk)]
        mi = max(0.0, 0.5 * (parts[0] + parts[1] - parts[2]))
        spread = np.array([-2.3, -1.6, -0.7, 0.0, 0.7, 1.6, 2.3]) / np.sqrt(len(x))
        warnings = ("n is above the trained range",) if len(x) > 500 else ()
        model = {"name": "gaussian", "version": "0"}
        return MIEstimate(LEVELS, np.maximum(mi + spread, 0.0), len(x), dx, y.shape[1], warnings, model)

    def estimate_batch(self, pairs: Sequence[tuple[ArrayLike, ArrayLike]]) -> list[MIEstimate]:
        return [self.estimate(x, y) for x, y in pairs]

    def pairwise(self, table: ArrayLike, names: Sequence[str] | None = None) -> PairwiseEstimates:
        columns = np.asarray(table, dtype=float).T
        names = names or [str(i) for i in range(len(columns))]
        return PairwiseEstimates.from_estimates(names, [self.estimate(a, b) for a, b in combinations(columns, 2)])


@pytest.fixture
def gaussian(monkeypatch: pytest.MonkeyPatch) -> GaussianEstimator:
    """The stand-in, given to the command and the service in place of the bundled weights."""
    estimator = GaussianEstimator()
    monkeypatch.setattr(factory, "load_estimator", lambda weights=None: estimator)
    return estimator


@pytest.fixture
def runner() -> CliRunner:
    return CliRunner()
