"""Bits, and noisy Boolean functions of them. The label is the MI of the joint table, in nats."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mutualist.datagen.families.tables import TableDistribution, grid_codes
from mutualist.datagen.interface import Family, JointDistribution
from mutualist.datagen.registry import register


@register
@dataclass(frozen=True)
class NoisyBoolean(Family):
    """X = independent bits, Y = noisy Boolean functions of them: parity, and, or, majority, random.

    I is that of the table. Parity of fair bits with flip probability e has I = ln 2 − h(e), though no column of X
    alone tells anything of Y.

    Supports dx ≤ 7, dy ≤ 4 and, with the sides swapped, dx ≤ 4, dy ≤ 7.
    """

    name: ClassVar[str] = "noisy-boolean"

    def supports(self, dx: int, dy: int) -> bool:
        return 1 <= dx <= 7 and 1 <= dy <= 7 and min(dx, dy) <= 4

    def draw(self, rng: np.random.Generator, dx: int, dy: int) -> JointDistribution:
        swapped = dy > 4 or (dx <= 4 and bool(rng.random() < 0.5))
        inputs, outputs = (dy, dx) if swapped else (dx, dy)
        x_codes, y_codes = grid_codes((2,) * inputs), grid_codes((2,) * outputs)
        bits = x_codes.astype(bool)
        p = np.full(inputs, 0.5) if rng.random() < 0.5 else rng.uniform(0.15, 0.85, inputs)
        table = np.prod(np.where(bits, p, 1.0 - p), axis=1)[:, None]
        kinds, errors = [], []
        for column in range(outputs):
            kind = str(rng.choice(["parity", "and", "or", "majority", "random"]))
            error = 0.0 if rng.random() < 0.2 else 0.5 * float(rng.random())
            value = _boolean(rng, kind, bits)
            table = table * np.where(value[:, None] == (y_codes[:, column] == 1.0), 1.0 - error, error)
            kinds.append(kind)
            errors.append(error)
        parameters: dict[str, Any] = {
            "functions": kinds,
            "errors": errors,
            "p": p.tolist(),
            "swapped": swapped,
        }
        if swapped:
            return TableDistribution(table.T, parameters, y_codes, x_codes)
        return TableDistribution(table, parameters, x_codes, y_codes)


def _boolean(rng: np.random.Generator, kind: str, bits: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The function `kind` of a random subset of two or more columns (if there are) of `bits`: (states,) booleans."""
    columns = bits.shape[1]
    size = int(rng.integers(min(2, columns), columns + 1))
    chosen = bits[:, rng.permutation(columns)[:size]]
    if kind == "parity":
        return np.asarray(chosen.sum(axis=1) % 2 == 1)
    if kind == "and":
        return np.asarray(chosen.all(axis=1))
    if kind == "or":
        return np.asarray(chosen.any(axis=1))
    if kind == "majority":
        return np.asarray(2 * chosen.sum(axis=1) > size)
    return rng.random(len(bits)) < 0.5
