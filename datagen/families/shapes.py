"""Random functions of one variable: what a response can look like."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mutualist.datagen.interface import Array


@dataclass(frozen=True)
class Shape:
    """A function of a standardised variable (mean 0, standard deviation 1), with what defines it."""

    kind: str
    function: Callable[[Array], Array]
    parameters: dict[str, Any] = field(default_factory=dict)

    def __call__(self, t: Array) -> Array:
        return self.function(t)

    def describe(self) -> dict[str, Any]:
        return {"kind": self.kind} | self.parameters


def _line(rng: np.random.Generator) -> Shape:
    return Shape("line", lambda t: t)


def _polynomial(rng: np.random.Generator) -> Shape:
    # the divisors keep the highest power from deciding alone
    degree = int(rng.integers(2, 5))
    c = rng.standard_normal(degree) / np.array([1.0, 1.5, 4.0, 10.0])[:degree]
    return Shape("polynomial", lambda t: t * np.polynomial.polynomial.polyval(t, c), {"c": c.tolist()})


def _sine(rng: np.random.Generator) -> Shape:
    f, phase = float(0.5 * 12 ** rng.random()), float(2 * np.pi * rng.random())
    return Shape("sine", lambda t: np.sin(f * t + phase), {"frequency": f, "phase": phase})


def _waves(rng: np.random.Generator) -> Shape:
    k = 4
    f, phase, a = rng.gamma(2.0, 0.9, k), 2 * np.pi * rng.random(k), rng.standard_normal(k)
    parameters = {"frequencies": f.tolist(), "phases": phase.tolist(), "amplitudes": a.tolist()}
    return Shape("waves", lambda t: np.sin(np.multiply.outer(t, f) + phase) @ a, parameters)


def _steps(rng: np.random.Generator) -> Shape:
    at = np.sort(rng.uniform(-1.4, 1.4, int(rng.integers(1, 8))))
    levels = rng.standard_normal(len(at) + 1)
    if rng.random() < 0.3:
        levels = np.sort(levels)
    parameters = {"at": at.tolist(), "levels": levels.tolist()}
    return Shape("steps", lambda t: levels[np.searchsorted(at, t)], parameters)


def _absolute(rng: np.random.Generator) -> Shape:
    at, power = float(0.4 * rng.standard_normal()), float(0.5 * 4 ** rng.random())
    return Shape("absolute", lambda t: np.abs(t - at) ** power, {"at": at, "power": power})


def _saturating(rng: np.random.Generator) -> Shape:
    at, slope = float(0.7 * rng.standard_normal()), float(10 ** rng.uniform(-0.3, 1.2))
    return Shape("saturating", lambda t: np.tanh(slope * (t - at)), {"at": at, "slope": slope})


def _hinge(rng: np.random.Generator) -> Shape:
    at, sign = float(0.7 * rng.standard_normal()), 1.0 if rng.random() < 0.5 else -1.0
    return Shape("hinge", lambda t: np.maximum(sign * (t - at), 0.0), {"at": at, "sign": sign})


def _bump(rng: np.random.Generator) -> Shape:
    at, width = float(0.7 * rng.standard_normal()), float(10 ** rng.uniform(-1.0, 0.0))
    return Shape("bump", lambda t: np.exp(-0.5 * ((t - at) / width) ** 2), {"at": at, "width": width})


def _sawtooth(rng: np.random.Generator) -> Shape:
    period, phase = float(0.6 * 5 ** rng.random()), float(rng.random())
    return Shape("sawtooth", lambda t: (t / period + phase) % 1.0, {"period": period, "phase": phase})


def _growth(rng: np.random.Generator) -> Shape:
    rate = float(rng.uniform(0.3, 1.2) * (1 if rng.random() < 0.5 else -1))
    return Shape("growth", lambda t: np.exp(rate * t), {"rate": rate})


SHAPES: dict[str, Callable[[np.random.Generator], Shape]] = {
    "line": _line,
    "polynomial": _polynomial,
    "sine": _sine,
    "waves": _waves,
    "steps": _steps,
    "absolute": _absolute,
    "saturating": _saturating,
    "hinge": _hinge,
    "bump": _bump,
    "sawtooth": _sawtooth,
    "growth": _growth,
}


def draw_shape(kind: str, rng: np.random.Generator) -> Shape:
    """A random function of the given kind (a key of SHAPES)."""
    return SHAPES[kind](rng)
