"""What an estimate says of itself besides its interval: how strange its sample is, and how large an error to expect."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mutualist.errors import ConfigError
from mutualist.models.expected_error import ErrorModel
from mutualist.models.strangeness import Reference

_PARTS = {"reference": Reference, "errors": ErrorModel}


@dataclass(frozen=True)
class Trust:
    """What calibration learned of the network's summaries of samples.

    Attributes:
        reference: the samples that the estimator knows.
        errors: how far off its estimates are.
    """

    reference: Reference
    errors: ErrorModel

    def judge(self, summaries: NDArray[np.floating]) -> NDArray[np.float64]:
        """Strangeness (0 to 1) and expected absolute error (nats) of summaries (B, F): (B, 2)."""
        return np.column_stack([self.reference.strangeness(summaries), self.errors.expected(summaries)])

    def to_tensors(self) -> dict[str, NDArray[np.float32]]:
        """The arrays by name; those of each part begin with its own."""
        return {f"{part}.{key}": values for part in _PARTS for key, values in getattr(self, part).to_tensors().items()}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, NDArray[np.float32]]) -> "Trust":
        """What `to_tensors` gave. Raises ConfigError for arrays that do not fit."""
        parts: dict[str, dict[str, NDArray[np.float32]]] = {name: {} for name in _PARTS}
        for name, values in tensors.items():
            part, _, key = name.partition(".")
            if part not in parts:
                raise ConfigError(f"unknown array {name}")
            parts[part][key] = values
        try:
            return cls(**{name: kind(**parts[name]) for name, kind in _PARTS.items()})
        except TypeError as error:
            raise ConfigError(str(error)) from error


def is_trust(name: str) -> bool:
    """Whether a tensor of an export belongs to `Trust` and not to the network."""
    return name.partition(".")[0] in _PARTS
