"""Responses with noise: Y = f(X) + sigma N for random f and several laws of noise. MI in nats, exact by quadrature."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mutualist.datagen.families.additive import NOISES, ROOT3, Signal, additive_information
from mutualist.datagen.families.labelled import Labelled, check_names, check_range, draw_target, pick
from mutualist.datagen.families.shapes import SHAPES, Shape, draw_shape
from mutualist.datagen.interface import Array, Family, JointDistribution
from mutualist.datagen.registry import register

LAWS = ("normal", "uniform")


@cache
def law_nodes(law: str, count: int = 2048) -> tuple[Array, Array]:
    """Nodes and weights for expectations over a standardised normal or uniform variable."""
    if law == "uniform":
        return ROOT3 * ((2 * np.arange(count) + 1) / count - 1), np.full(count, 1 / count)
    z = np.linspace(-5.0, 5.0, count)
    weights = np.exp(-0.5 * z * z)
    return z, weights / weights.sum()


def draw_law(law: str, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Independent draws of the standardised normal or uniform variable."""
    return rng.standard_normal(shape) if law == "normal" else rng.uniform(-ROOT3, ROOT3, shape)


def signal_of(shape: Callable[[Array], Array], law: str, sigma: float, scale: float = 1.0) -> Signal:
    """The law of scale * shape(T), with nodes as close together as noise of size sigma asks for."""
    t, weights = law_nodes(law)
    values = scale * shape(t)
    if np.abs(np.diff(values)).max() > sigma / 3:
        t, weights = law_nodes(law, 16384)
        values = scale * shape(t)
    return Signal(values, weights)


def sigma_for(mi: float, sd: float, width: float) -> float:
    """The size of noise that gives about `mi` nats: exact if signal and noise were normal, ½ ln(1 + sd²/sigma²).

    A signal far wider than its standard deviation gets at least a 4000th of its width, which the quadrature resolves.
    """
    return max(sd / float(np.sqrt(np.expm1(2 * mi))), width / 4000)


@dataclass(frozen=True)
class Channel:
    """One response: y = sum of scale * shape(x @ direction) over its terms, + sigma * noise."""

    terms: tuple[tuple[Shape, float, Array], ...]  # shape, scale, direction in X
    noise: str
    sigma: float
    mi: float

    def respond(self, x: Array, rng: np.random.Generator) -> Array:
        y = self.sigma * NOISES[self.noise].draw(len(x), rng)
        for shape, scale, direction in self.terms:
            y += scale * shape(x @ direction)
        return y

    def describe(self) -> dict[str, Any]:
        terms = [s.describe() | {"scale": a, "direction": w.tolist()} for s, a, w in self.terms]
        return {"terms": terms, "noise": self.noise, "sigma": self.sigma, "mi": self.mi}


def make_channel(
    shapes: Sequence[Shape], directions: Sequence[Array], law: str, noise: str, target: float, rng: np.random.Generator
) -> Channel:
    """A response to independent standardised variables x @ direction of the given law, with about `target` nats."""
    amplitudes = 0.5 + rng.random(len(shapes))
    t, weights = law_nodes(law)
    rough = [Signal(shape(t), weights) for shape in shapes]
    scales = [float(a / max(s.variance**0.5, 1e-12)) for a, s in zip(amplitudes, rough, strict=True)]
    width = sum(c * float(np.ptp(s.values)) for c, s in zip(scales, rough, strict=True))
    sigma = sigma_for(target, float(np.sqrt((amplitudes**2).sum())), width)
    signals = [signal_of(shape, law, sigma, c) for shape, c in zip(shapes, scales, strict=True)]
    mi = additive_information(signals, NOISES[noise], sigma)
    return Channel(tuple(zip(shapes, scales, directions, strict=True)), noise, sigma, mi)


@register
@dataclass(frozen=True)
class Functional(Family):
    """Responses Y_k = f(X) + sigma_k N_k with random f: lines, polynomials, waves, steps, |x|, saturation, and others.

    X has independent normal or uniform columns. Every response has its own columns of X: one; or several, as a sum of
    functions of each or (X normal) as one function of a projection w·X. MI = sum over k of h(Y_k) - h(sigma_k N_k),
    each by one-dimensional quadrature (`additive_information`), in nats. The remaining columns of X and Y are
    independent noise.

    Attributes:
        shapes: kinds of f, keys of `SHAPES`.
        noises: laws of N, keys of `NOISES`.
        mi: range of the total MI aimed at (reached when signal and noise look normal; steps can hold less).
        most_responses: upper limit of the number of informative columns of Y.
    """

    name: ClassVar[str] = "functional"
    shapes: tuple[str, ...] = tuple(SHAPES)
    noises: tuple[str, ...] = ("normal", "normal", *NOISES)
    mi: tuple[float, float] = (0.005, 3.0)
    most_responses: int = 3

    def __post_init__(self) -> None:
        check_names("functional: shapes", self.shapes, SHAPES)
        check_names("functional: noises", self.noises, NOISES)
        check_range("functional: mi", self.mi)
        check_range("functional: most_responses", (self.most_responses, self.most_responses))

    def supports(self, dx: int, dy: int) -> bool:
        return dx >= 1 and dy >= 1

    def draw(self, rng: np.random.Generator, dx: int, dy: int) -> JointDistribution:
        law = pick(rng, LAWS)
        count = 1 + int(rng.random() * min(dx, dy, self.most_responses))
        targets = draw_target(rng, *self.mi) * rng.dirichlet(np.full(count, 2.0))
        columns = np.array_split(rng.permutation(dx), count)
        at = rng.permutation(dy)[:count]
        channels = [self._channel(rng, law, dx, own, float(goal)) for own, goal in zip(columns, targets, strict=True)]

        def sample(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
            x = draw_law(law, (n, dx), rng)
            y = rng.standard_normal((n, dy)) if count < dy else np.empty((n, dy))
            for k, channel in zip(at, channels, strict=True):
                y[:, k] = channel.respond(x, rng)
            return x, y

        parameters = {"law": law, "responses": at.tolist(), "channels": [c.describe() for c in channels]}
        return Labelled(dx, dy, sum(c.mi for c in channels), sample, parameters)

    def _channel(
        self, rng: np.random.Generator, law: str, dx: int, columns: NDArray[np.int_], target: float
    ) -> Channel:
        parents = columns[: 1 + int(rng.random() * min(3, len(columns)))]
        if law == "normal" and len(columns) > 1 and rng.random() < 0.5:
            w = np.zeros(dx)
            w[columns] = rng.standard_normal(len(columns))
            directions = [w / np.sqrt(w @ w)]
        else:
            directions = [np.eye(1, dx, int(j))[0] for j in parents]
        shapes = [draw_shape(pick(rng, self.shapes), rng) for _ in directions]
        return make_channel(shapes, directions, law, pick(rng, self.noises), max(target, 1e-3), rng)
