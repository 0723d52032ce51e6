"""Arithmetic of fractions and bits: sharp structures that correlation does not see. MI in nats, exact."""

from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, xlogy

from mutualist.datagen.families.labelled import (
    Labelled,
    check_names,
    check_range,
    draw_target,
    pick,
    random_signs,
)
from mutualist.datagen.interface import Array, Family, JointDistribution
from mutualist.datagen.registry import register

Integers = NDArray[np.int64]


def wrapped_normal_information(sigma: float) -> float:
    """MI in nats between U and (U + sigma N) mod 1, U uniform: minus the entropy of the wrapped normal law."""
    if sigma < 0.08:
        return float(-np.log(sigma) - 0.5 * np.log(2 * np.pi * np.e))
    x = np.arange(256) / 256
    k = np.arange(1, 12)
    # Poisson summation; at 0.08 the first term left out is below 1e-7
    p = 1 + 2 * np.exp(-2 * (np.pi * sigma * k) ** 2) @ np.cos(2 * np.pi * np.multiply.outer(k, x))
    return float(np.mean(xlogy(p, np.maximum(p, 1e-300))))


@cache
def _wrapped_inverse() -> tuple[Array, Array]:
    sigma = np.geomspace(0.9, 0.001, 300)
    return np.array([wrapped_normal_information(float(s)) for s in sigma]), sigma


def ball_information(radius: float, d: int) -> float:
    """MI in nats between U and (U + R) mod 1, U uniform on the unit cube, R uniform in a ball of radius < 1/2."""
    return float(gammaln(d / 2 + 1) - d / 2 * np.log(np.pi) - d * np.log(radius))


def random_mixing(d: int, rng: np.random.Generator) -> Integers:
    """An integer matrix with determinant 1 or -1: modulo one (or two) it mixes d columns without loss."""
    share = rng.uniform(0.1, 0.9)
    entries = rng.integers(-2, 3, (d, d)) * (rng.random((d, d)) < share)
    upper = np.triu(entries, 1) + np.diag(random_signs(rng, d)).astype(np.int64)
    return np.asarray(upper[rng.permutation(d)][:, rng.permutation(d)])


@register
@dataclass(frozen=True)
class Torus(Family):
    """Fractions of sums: T_k = (a_k·X + R_k) mod 1 for k = 1..c, X uniform on the unit cube, a_k independent integers.

    (a_k·X) mod 1 is uniform on the cube of R^c, so MI = -h(R mod 1): for `normal` noise (c columns) the wrapped
    normal's, for `uniform` noise of width w it is -ln w, for noise uniform in a `ball` of R^c it is minus the
    logarithm of the ball's volume. Y is T and independent uniform columns, mixed by an integer matrix of determinant
    ±1 modulo one, which keeps MI. Where every a_k has two or more terms, X_j and Y are pairwise independent.

    Attributes:
        noises: laws of R.
        mi: range of the total MI aimed at (a `ball` has more: at least that of radius 1/2).
        most: upper limit of c.
    """

    name: ClassVar[str] = "torus"
    noises: tuple[str, ...] = ("normal", "uniform", "ball")
    mi: tuple[float, float] = (0.005, 2.5)
    most: int = 3

    def __post_init__(self) -> None:
        check_names("torus: noises", self.noises, ("normal", "uniform", "ball"))
        check_range("torus: mi", self.mi)
        check_range("torus: most", (self.most, self.most))

    def supports(self, dx: int, dy: int) -> bool:
        return dx >= 1 and dy >= 1

    def draw(self, rng: np.random.Generator, dx: int, dy: int) -> JointDistribution:
        c = 1 + int(rng.random() * min(dx, dy, self.most))
        noise, target = pick(rng, self.noises), draw_target(rng, *self.mi)
        sums = self._sums(rng, c, dx)
        mixing = random_mixing(dy, rng) if dy > 1 else np.ones((1, 1), dtype=np.int64)
        if noise == "normal":
            size = np.interp(target * rng.dirichlet(np.full(c, 2.0)), *_wrapped_inverse())
            mi = sum(wrapped_normal_information(float(s)) for s in size)
        elif noise == "uniform":
            size = np.exp(-target * rng.dirichlet(np.full(c, 2.0)))
            mi = float(-np.log(size).sum())
        else:
            least = ball_information(0.5, c)
            if target < least:  # out of reach: another target within reach, lest many draws share one label
                target = float(rng.uniform(least, max(self.mi[1], least + 0.5)))
            size = np.array([float(np.exp((ball_information(1.0, c) - target) / c))])
            mi = ball_information(float(size[0]), c)

        def sample(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
            x, t = rng.random((n, dx)), rng.random((n, dy))
            if noise == "uniform":
                r = (t[:, :c] - 0.5) * size
            else:
                r = rng.standard_normal((n, c)) * size
                if noise == "ball":
                    r *= (t[:, :1] ** (1 / c)) / np.sqrt(np.einsum("ij,ij->i", r, r) / size**2)[:, None]
            t[:, :c] = x @ sums + r
            return x, (t @ mixing) % 1.0

        parameters: dict[str, Any] = {"noise": noise, "size": size.tolist(), "sums": sums.tolist()}
        return Labelled(dx, dy, mi, sample, parameters | {"mixing": mixing.tolist()})

    @staticmethod
    def _sums(rng: np.random.Generator, c: int, dx: int) -> Integers:
        """Integer coefficients (dx, c) of full rank: triangular up to the order of columns."""
        sums = rng.integers(-2, 3, (dx, c)) * (rng.random((dx, c)) < 1.5 / dx)
        for k in range(c):
            sums[k + 1 : c, k] = 0
            sums[k, k] = rng.integers(1, 4) if dx == 1 else 1
        return np.asarray(sums[rng.permutation(dx)], dtype=np.int64)


def bit_information(flip: Array) -> float:
    """MI in nats of independent binary symmetric channels with uniform input: sum of ln 2 - H(flip)."""
    return float(np.sum(np.log(2) + xlogy(flip, flip) + xlogy(1 - flip, 1 - flip)))


@cache
def _bit_inverse() -> tuple[Array, Array]:
    flip = 0.5 - np.geomspace(1e-3, 0.5, 400)
    return np.array([bit_information(np.array([p])) for p in flip]), flip


@register
@dataclass(frozen=True)
class Parity(Family):
    """Signs only: parities of signs of Y's columns repeat parities of signs of X's, each flipped with a probability.

    The signs of X are uniform bits b. c bits of P b (P invertible modulo two) are flipped independently with
    probabilities p_k and completed by independent bits, and the signs of Y are Q times that (Q invertible modulo two).
    The magnitudes are independent: half-normal, or away from 0, so that the rows cluster near the corners of a cube.
    MI = sum of ln 2 - H(p_k), exact. With two or more terms in each parity no pair of columns is dependent.

    Attributes:
        mi: range of the total MI aimed at; it is at most c ln 2.
        most: upper limit of c.
    """

    name: ClassVar[str] = "parity"
    mi: tuple[float, float] = (0.005, 1.5)
    most: int = 4

    def __post_init__(self) -> None:
        check_range("parity: mi", self.mi)
        check_range("parity: most", (self.most, self.most))

    def supports(self, dx: int, dy: int) -> bool:
        return dx >= 1 and dy >= 1

    def draw(self, rng: np.random.Generator, dx: int, dy: int) -> JointDistribution:
        c = 1 + int(rng.random() * min(dx, dy, self.most))
        most = min(self.mi[1], 0.98 * c * float(np.log(2)))
        parts = draw_target(rng, min(self.mi[0], most), most) * rng.dirichlet(np.full(c, 4.0))
        flip = np.interp(parts, *_bit_inverse())
        # parities of at most a few bits each, or else nothing could be learned from a small sample
        p, q = (self._invertible(rng, d) for d in (dx, dy))
        clustered = bool(rng.random() < 0.3)
        flipped_sign = 1 - 2 * (rng.random(dx + dy) < 0.5)

        def sample(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
            bits = rng.integers(0, 2, (n, dx + dy))
            x, y = bits[:, :dx], bits[:, dx:]
            y[:, :c] = (x @ p)[:, :c] + (rng.random((n, c)) < flip)
            signs = np.concatenate([x, (y @ q) % 2], axis=1) * 2.0 - 1.0
            magnitude = np.abs(rng.standard_normal((n, dx + dy)))
            if clustered:
                magnitude = 1.0 + 0.3 * magnitude
            z = signs * flipped_sign * magnitude
            return z[:, :dx], z[:, dx:]

        parameters: dict[str, Any] = {"flip": flip.tolist(), "p": p.tolist(), "q": q.tolist(), "clustered": clustered}
        return Labelled(dx, dy, bit_information(flip), sample, parameters)

    @staticmethod
    def _invertible(rng: np.random.Generator, d: int) -> Integers:
        upper = np.triu(rng.random((d, d)) < min(0.5, 1.5 / d), 1) | np.eye(d, dtype=bool)
        return np.asarray(upper[rng.permutation(d)][:, rng.permutation(d)], dtype=np.int64)
