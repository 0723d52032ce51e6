"""How far off an estimate is likely to be, by what the network's summary of the sample says. numpy alone.

Strangeness tells an unfamiliar sample from a familiar one; but familiar samples can be hard, and strange ones easy.
This is learned from errors themselves: those of the estimator on records that the network was never trained on.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mutualist.errors import ConfigError
from mutualist.models.arrays import check_arrays

Array = NDArray[np.float32]

CLIP = 8.0  # standard deviations: beyond them, a summary says no more than at them


@dataclass(frozen=True)
class ErrorModel:
    """Expected absolute errors from summaries: one hidden layer gives a score, and a rising curve turns it into nats.

    Attributes:
        centre, scale: (F,) mean and spread of the summaries.
        inner: (F, H) weights of the hidden layer, and `inner_bias` (H,).
        outer: (H,) weights of the score.
        scores: (G,) increasing, at which the curve is given.
        errors: (G,) nats, not decreasing: mean absolute errors of records with such scores.
    """

    centre: Array
    scale: Array
    inner: Array
    inner_bias: Array
    outer: Array
    scores: Array
    errors: Array

    def __post_init__(self) -> None:
        f, h, g = len(self.centre), len(self.outer), len(self.scores)
        shapes = {"centre": (f,), "scale": (f,), "inner": (f, h), "inner_bias": (h,), "outer": (h,)}
        check_arrays("error model", self, shapes | {"scores": (g,), "errors": (g,)})
        if (self.scale <= 0).any() or g < 2 or (np.diff(self.scores) <= 0).any():
            raise ConfigError("error model: scales must be positive, and two or more scores increase")
        if (self.errors < 0).any() or (np.diff(self.errors) < 0).any():
            raise ConfigError("error model: errors must be at least 0 and not decrease")

    def score(self, summaries: NDArray[np.floating]) -> NDArray[np.float64]:
        """A number (B,) for summaries (B, F) that rises with the error to expect."""
        inputs = np.clip((np.asarray(summaries, np.float32) - self.centre) / self.scale, -CLIP, CLIP)
        return (np.maximum(inputs @ self.inner + self.inner_bias, 0) @ self.outer).astype(np.float64)

    def expected(self, summaries: NDArray[np.floating]) -> NDArray[np.float64]:
        """Expected absolute errors (B,) in nats of the estimates for samples with these summaries (B, F)."""
        return np.interp(self.score(summaries), self.scores, self.errors)

    def to_tensors(self) -> dict[str, Array]:
        """The arrays by name."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}
