"""The one place where the command and the service get their estimator, here or on another machine."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from numpy.typing import ArrayLike

from mutualist.result import MIEstimate, PairwiseEstimates

if TYPE_CHECKING:
    from mutualist.remote import RemoteEstimator


class Estimator(Protocol):
    """What the command and the service ask of an estimator; `MutualInfoEstimator` is one."""

    @property
    def info(self) -> Mapping[str, Any]:
        """The description of the weights (model.json): name, version, ranges of the training data, metrics."""
        ...

    @property
    def levels(self) -> Sequence[float]:
        """The levels of the quantiles in every answer."""
        ...

    def estimate(self, x: ArrayLike, y: ArrayLike) -> MIEstimate:
        """The estimate for x of shape (n,) or (n, dx) and y of shape (n,) or (n, dy)."""
        ...

    def estimate_batch(self, pairs: Sequence[tuple[ArrayLike, ArrayLike]]) -> list[MIEstimate]:
        """An estimate for each pair (x, y)."""
        ...

    def pairwise(self, table: ArrayLike, names: Sequence[str] | None = None) -> PairwiseEstimates:
        """Estimates for all pairs of columns of a table of shape (n, d)."""
        ...

    def estimate_pairs(self, table: ArrayLike, pairs: ArrayLike) -> list[MIEstimate]:
        """An estimate for each pair (P, 2) of columns of a table of shape (n, d), by their numbers."""
        ...


def load_estimator(weights: Path | None = None) -> Estimator:
    """The estimator with the bundled weights, or with those in the folder `weights`.

    Raises:
        WeightsError: the weights are missing, damaged or of a version that this release cannot read.
    """
    from mutualist.estimator import MutualInfoEstimator  # imports torch

    return MutualInfoEstimator.from_pretrained(weights)


def connect(url: str, api_key: str | None = None) -> "RemoteEstimator":
    """The estimator of the service at `url`.

    Raises:
        InputError: url is no address of a service.
    """
    from mutualist.remote import RemoteEstimator

    return RemoteEstimator(url, api_key=api_key)
