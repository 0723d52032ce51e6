"""Responses to several columns at once that no single column explains. MI in nats, by quadrature on a lattice."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from mutualist.datagen.families.additive import NOISES, Signal, additive_information
from mutualist.datagen.families.functional import sigma_for
from mutualist.datagen.families.labelled import Labelled, check_names, check_range, draw_target, pick
from mutualist.datagen.families.lifts import random_lift
from mutualist.datagen.interface import Array, Family, JointDistribution
from mutualist.datagen.registry import register

# Functions of standard normal u of shape (n, k), with k.
INTERACTIONS: dict[str, tuple[int, Callable[[Array], Array]]] = {
    "product": (2, lambda u: u[:, 0] * u[:, 1]),
    "triple": (3, lambda u: u[:, 0] * u[:, 1] * u[:, 2]),
    "sign": (2, lambda u: np.sign(u[:, 0] * u[:, 1])),
    "gate": (2, lambda u: np.where(u[:, 0] > 0.0, u[:, 1], -u[:, 1])),
    "switch": (3, lambda u: np.where(u[:, 0] > 0.0, u[:, 1], u[:, 2])),
    "wave": (2, lambda u: np.sin(3.0 * u[:, 0] * u[:, 1])),
    "ripple": (2, lambda u: np.cos(2.5 * np.hypot(u[:, 0], u[:, 1]))),
    "saddle": (2, lambda u: u[:, 0] ** 2 - u[:, 1] ** 2),
    "contrast": (2, lambda u: np.abs(u[:, 0]) - np.abs(u[:, 1])),
    "angle": (2, lambda u: np.cos(3.0 * np.arctan2(u[:, 1], u[:, 0]))),
    "largest": (3, lambda u: np.max(u, axis=1)),
    "ratio": (2, lambda u: np.arcsinh(u[:, 0] / u[:, 1])),
    "checks": (2, lambda u: np.sign(np.sin(3.0 * u[:, 0]) * np.sin(3.0 * u[:, 1]))),
}


@cache
def lattice(k: int, count: int = 16381) -> Array:
    """`count` points that fill the k-dimensional standard normal law evenly, shape (count, k).

    A rank-1 lattice along powers of the generalised golden ratio (Roberts 2018, the R_k sequence), midpoint rule in the
    first coordinate.
    """
    ratio = 2.0
    for _ in range(60):
        ratio = (1 + ratio) ** (1 / k)
    i = np.arange(count)
    u = np.empty((count, k))
    u[:, 0] = (i + 0.5) / count
    for j in range(1, k):
        u[:, j] = (0.5 + (i + 1) * ratio**-j) % 1.0
    return np.asarray(ndtri(np.clip(u, 1e-5, 1 - 1e-5)))


@cache
def interaction_signal(kind: str, count: int = 16381) -> tuple[Signal, float]:
    """The law of g(U) for one of the INTERACTIONS, and its variance."""
    k, function = INTERACTIONS[kind]
    values = function(lattice(k, count))
    signal = Signal(values, np.full(count, 1 / count))
    return signal, signal.variance


@register
@dataclass(frozen=True)
class Interaction(Family):
    """Y = g(U) + sigma N with U two or three orthogonal projections of a standard normal X, and g a product, a gate, …

    U are single columns of X, or rotated ones. MI = I(g(U); g(U) + sigma N) by `additive_information`, with the law of
    g(U) from a lattice of 16,381 points: within 0.3 % or 0.0005 nats. For dy > 1 the response is then spread over the
    columns of Y by a lift, which keeps MI.

    Attributes:
        kinds: keys of `INTERACTIONS`.
        noises: laws of N, keys of `NOISES`.
        mi: range of the MI aimed at (reached when the signal looks normal; signs hold at most ln 2).
    """

    name: ClassVar[str] = "interaction"
    kinds: tuple[str, ...] = tuple(INTERACTIONS)
    noises: tuple[str, ...] = ("normal", "normal", "laplace", "uniform", "logistic")
    mi: tuple[float, float] = (0.005, 2.0)

    def __post_init__(self) -> None:
        check_names("interaction: kinds", self.kinds, INTERACTIONS)
        check_names("interaction: noises", self.noises, NOISES)
        check_range("interaction: mi", self.mi)

    def supports(self, dx: int, dy: int) -> bool:
        return dx >= 2 and dy >= 1

    def draw(self, rng: np.random.Generator, dx: int, dy: int) -> JointDistribution:
        kind = pick(rng, [k for k in self.kinds if INTERACTIONS[k][0] <= dx] or ["product"])
        k, function = INTERACTIONS[kind]
        directions = np.eye(dx)[:, rng.permutation(dx)[:k]]
        if rng.random() < 0.4:
            directions = np.linalg.qr(rng.standard_normal((dx, k)))[0]
        noise = pick(rng, self.noises)
        signal, variance = interaction_signal(kind)
        sigma = sigma_for(draw_target(rng, *self.mi), variance**0.5, float(np.ptp(signal.values)))
        mi = additive_information([signal], NOISES[noise], sigma)
        lift = random_lift(rng, dy) if dy > 1 else None
        spread = float(np.sqrt(variance + sigma * sigma))

        def respond(u: Array, rng: np.random.Generator) -> Array:
            return np.asarray(function(u) + sigma * NOISES[noise].draw(len(u), rng)) / spread

        def draw_core(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
            u = rng.standard_normal((n, k))
            return u, respond(u, rng)[:, None]

        def sample(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
            x = rng.standard_normal((n, dx))
            y = respond(x @ directions, rng)
            return x, y[:, None] if lift is None else lift(y, rng)

        parameters = {"kind": kind, "directions": directions.tolist(), "noise": noise, "sigma": sigma}
        parameters |= {} if lift is None else {"lift_y": lift.parameters}
        return Labelled(dx, dy, mi, sample, parameters, carrier=Labelled(k, 1, mi, draw_core))


@register
@dataclass(frozen=True)
class SparseInteractions(Family):
    """A few columns of Y respond to interactions of a few columns of X each; all the other columns are noise.

    Y_k = g_k(U_k) + sigma_k N with U_k two or three columns of the standard normal X that no other response has. So MI
    is the sum of I(g_k(U_k); g_k(U_k) + sigma_k N) over k, each as in `Interaction`. In no pair of columns is there
    much to see, and most sets of columns show nothing.

    Attributes:
        kinds, noises: as in `Interaction`.
        mi: range of the total MI aimed at.
        most: upper limit of the number of responses.
    """

    name: ClassVar[str] = "sparse-interactions"
    kinds: tuple[str, ...] = tuple(INTERACTIONS)
    noises: tuple[str, ...] = ("normal", "normal", "laplace", "uniform", "logistic")
    mi: tuple[float, float] = (0.02, 4.0)
    most: int = 4

    def __post_init__(self) -> None:
        check_names("sparse-interactions: kinds", self.kinds, INTERACTIONS)
        check_names("sparse-interactions: noises", self.noises, NOISES)
        check_range("sparse-interactions: mi", self.mi)
        check_range("sparse-interactions: most", (self.most, self.most))

    def supports(self, dx: int, dy: int) -> bool:
        return dx >= 2 and dy >= 1

    def draw(self, rng: np.random.Generator, dx: int, dy: int) -> JointDistribution:
        count = 1 + int(rng.random() * min(self.most, dx // 2, dy))
        free, at = rng.permutation(dx), rng.permutation(dy)[:count]
        targets = draw_target(rng, *self.mi) * rng.dirichlet(np.full(count, 2.0))
        responses: list[_Response] = []
        for k, target in enumerate(targets):
            spare = len(free) - 2 * (count - 1 - k)  # two for each response to come
            kind = pick(rng, [name for name in self.kinds if INTERACTIONS[name][0] <= spare] or ["product"])
            columns, free = np.split(free, [INTERACTIONS[kind][0]])
            responses.append(_Response.draw(rng, kind, columns, pick(rng, self.noises), max(float(target), 1e-3)))

        def sample(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
            x, y = rng.standard_normal((n, dx)), rng.standard_normal((n, dy))
            for k, response in zip(at, responses, strict=True):
                y[:, k] = response(x, rng)
            return x, y

        parameters = {"responses": at.tolist(), "interactions": [r.describe() for r in responses]}
        return Labelled(dx, dy, sum(r.mi for r in responses), sample, parameters)


@dataclass(frozen=True)
class _Response:
    """(g(U) + sigma N) / spread, U the `columns` of X; `mi` in nats."""

    kind: str
    columns: NDArray[np.int64]
    noise: str
    sigma: float
    spread: float
    mi: float

    @classmethod
    def draw(
        cls, rng: np.random.Generator, kind: str, columns: NDArray[np.int64], noise: str, target: float
    ) -> "_Response":
        signal, variance = interaction_signal(kind)
        sigma = sigma_for(target, variance**0.5, float(np.ptp(signal.values)))
        mi = additive_information([signal], NOISES[noise], sigma)
        return cls(kind, columns, noise, sigma, float(np.sqrt(variance + sigma * sigma)), mi)

    def __call__(self, x: Array, rng: np.random.Generator) -> Array:
        signal = INTERACTIONS[self.kind][1](x[:, self.columns])
        return np.asarray(signal + self.sigma * NOISES[self.noise].draw(len(x), rng)) / self.spread

    def describe(self) -> dict[str, object]:
        return {"kind": self.kind, "columns": self.columns.tolist(), "noise": self.noise, "sigma": self.sigma}
