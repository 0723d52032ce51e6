"""Copulas: every shape of dependence that two columns can have in the body and in the tails. MI in nats, all exact."""

from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import numpy as np
from scipy.special import digamma, gammaln, ndtr, ndtri, stdtr

from mutualist.datagen.families.archimedean import ARCHIMEDEAN, clayton_uniforms
from mutualist.datagen.families.labelled import (
    Labelled,
    Sampler,
    check_names,
    check_range,
    draw_target,
    pick,
    random_signs,
)
from mutualist.datagen.interface import Array, Family, JointDistribution
from mutualist.datagen.registry import register

KINDS = ("clayton", "frank", "gumbel", "joe", "normal", "student")
ROTATIONS = (0, 90, 180, 270)
MARGINS = ("uniform", "normal")


def student_excess(nu: float, dx: int = 1, dy: int = 1) -> float:
    """MI in nats of a (dx + dy)-variate Student-t with nu degrees of freedom and no correlation.

    c(nu) + c(nu+dx+dy) - c(nu+dx) - c(nu+dy) with c(k) = ln Gamma(k/2) - (k/2) psi(k/2) (Czyż et al. 2023, "Beyond
    normal", equation for the Student distribution).
    """
    k = np.array([nu, nu + dx + dy, nu + dx, nu + dy]) / 2
    c = gammaln(k) - k * digamma(k)
    return float(c[0] + c[1] - c[2] - c[3])


def finish(u: Array, margin: str) -> Array:
    """A column that is uniform on (0, 1), with the margin asked for: `uniform` or `normal` (clipped to stay finite)."""
    return u if margin == "uniform" else ndtri(np.clip(u, 1e-16, 1 - 1e-16))


def rotate(u: Array, v: Array, rotation: int) -> tuple[Array, Array]:
    """The pair turned by 0, 90, 180 or 270 degrees; turning keeps MI and moves the tail in which the two meet."""
    if rotation in (90, 180):
        u = 1 - u
    if rotation in (180, 270):
        v = 1 - v
    return u, v


@dataclass(frozen=True)
class PairCopula:
    """A copula of two columns that agree, of one of `KINDS`: `theta` for the Archimedean ones, else `rho` and `nu`.

    Attributes:
        mi: the mutual information of (U, V) in nats.
    """

    kind: str
    mi: float
    theta: float = np.nan
    rho: float = 0.0
    nu: float = np.inf

    @property
    def parameters(self) -> dict[str, Any]:
        if self.kind in ARCHIMEDEAN:
            return {"theta": self.theta}
        return {"rho": self.rho} | ({"nu": self.nu} if self.kind == "student" else {})

    def uniforms(self, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """n draws of (U, V), both uniform on (0, 1), each of shape (n,)."""
        if self.kind in ARCHIMEDEAN:
            return ARCHIMEDEAN[self.kind].sample(self.theta, n, rng)
        return elliptical_uniforms(self.rho, self.nu, n, rng)


def draw_pair(rng: np.random.Generator, kind: str, target: float, nu: tuple[float, float]) -> PairCopula:
    """The copula of a kind whose MI comes close to `target` nats; a Student one takes its degrees of freedom from `nu`.

    A Student copula has at least `student_excess`, so that of few degrees of freedom may have more than aimed at.
    """
    if kind in ARCHIMEDEAN:
        theta = ARCHIMEDEAN[kind].theta_for(target)
        return PairCopula(kind, ARCHIMEDEAN[kind].information(theta), theta)
    drawn = float(nu[0] * (nu[1] / nu[0]) ** rng.random()) if kind == "student" else np.inf
    excess = student_excess(drawn) if kind == "student" else 0.0
    rho = float(np.sqrt(-np.expm1(-2 * max(target - excess, 0.0))))
    return PairCopula(kind, float(excess - 0.5 * np.log1p(-rho * rho)), rho=rho, nu=drawn)


@register
@dataclass(frozen=True)
class Copula(Family):
    """One pair of columns joined by a normal, Student, Clayton, Frank, Gumbel or Joe copula, turned by 0-270 degrees.

    MI, the integral of c ln c, in nats: normal -ln(1 - rho^2) / 2; Student that plus `student_excess`; the
    Archimedean ones in `archimedean.py` (Nelsen 2006, An Introduction to Copulas; Joe 2014, Dependence Modeling).

    Attributes:
        kinds: which copulas to draw from, equally likely.
        mi: range of the MI aimed at; a Student copula with few degrees of freedom can have more than aimed at.
        nu: range of the Student copula's degrees of freedom, log-uniform.
        margins: laws of the single columns, `uniform` and `normal`.
    """

    name: ClassVar[str] = "copula"
    kinds: tuple[str, ...] = KINDS
    mi: tuple[float, float] = (0.005, 2.5)
    nu: tuple[float, float] = (0.7, 30.0)
    margins: tuple[str, ...] = MARGINS

    def __post_init__(self) -> None:
        check_names("copula: kinds", self.kinds, KINDS)
        check_names("copula: margins", self.margins, MARGINS)
        check_range("copula: mi", self.mi)
        check_range("copula: nu", self.nu)

    def supports(self, dx: int, dy: int) -> bool:
        return dx == dy == 1

    def draw(self, rng: np.random.Generator, dx: int, dy: int) -> JointDistribution:
        kind, target = pick(rng, self.kinds), draw_target(rng, *self.mi)
        rotation = int(ROTATIONS[int(rng.random() * 4)])
        margins = pick(rng, self.margins), pick(rng, self.margins)
        copula = draw_pair(rng, kind, target, self.nu)

        def sample(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
            u, v = rotate(*copula.uniforms(n, rng), rotation)
            return finish(u, margins[0])[:, None], finish(v, margins[1])[:, None]

        parameters = {"kind": kind, "rotation": rotation, "margins": list(margins), **copula.parameters}
        return Labelled(1, 1, copula.mi, sample, parameters)


def elliptical_uniforms(rho: float, nu: float, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """n draws of (U, V) from the Student copula with correlation rho; from the normal copula at nu = inf."""
    z = rng.standard_normal((n, 2))
    z[:, 1] = rho * z[:, 0] + np.sqrt(1 - rho * rho) * z[:, 1]
    if np.isfinite(nu):
        z /= np.sqrt(2 * rng.standard_gamma(nu / 2, (n, 1)) / nu)
        uv = stdtr(nu, z)
    else:
        uv = ndtr(z)
    return uv[:, 0], uv[:, 1]


def clayton_total(theta: float | Array, d: int) -> Array:
    """Total correlation of a d-dimensional Clayton copula, the expected log density, in nats.

    The density is prod_{k<d}(1 + k theta) prod u^(-theta-1) (sum u^-theta - d + 1)^(-d-1/theta); by the frailty
    representation the last base is 1 + Gamma(d)/Gamma(1/theta), whose expected logarithm is a difference of digammas.
    """
    theta = np.asarray(theta, dtype=float)
    k = np.arange(d)
    log_base = digamma(d + 1 / theta) - digamma(1 / theta)
    first = np.log1p(np.multiply.outer(theta, k)).sum(axis=-1)
    return np.asarray(first + d * (theta + 1) - (d + 1 / theta) * log_base)


def clayton_information(theta: float | Array, dx: int, dy: int) -> Array:
    """MI in nats between dx and dy columns of a (dx + dy)-dimensional Clayton copula (its margins are Clayton too)."""
    return clayton_total(theta, dx + dy) - clayton_total(theta, dx) - clayton_total(theta, dy)


@cache
def _clayton_inverse(dx: int, dy: int) -> tuple[Array, Array]:
    log_theta = np.linspace(np.log(1e-3), np.log(60.0), 160)
    return np.maximum.accumulate(clayton_information(np.exp(log_theta), dx, dy)), log_theta


@register
@dataclass(frozen=True)
class ClaytonBlock(Family):
    """All dx + dy columns share one Clayton copula: positive dependence that is strongest in the common lower tail.

    MI = T(dx+dy) - T(dx) - T(dy) with T(d) the total correlation of `clayton_total`, in nats, exact. The columns are
    then mirrored at random and X and Y are dependent within themselves.

    Attributes:
        mi: range of the MI aimed at (large values are out of reach in few columns and are then cut).
    """

    name: ClassVar[str] = "clayton-block"
    mi: tuple[float, float] = (0.005, 2.5)

    def __post_init__(self) -> None:
        check_range("clayton-block: mi", self.mi)

    def supports(self, dx: int, dy: int) -> bool:
        return dx >= 1 and dy >= 1

    def draw(self, rng: np.random.Generator, dx: int, dy: int) -> JointDistribution:
        theta = float(np.exp(np.interp(draw_target(rng, *self.mi), *_clayton_inverse(dx, dy))))
        signs = random_signs(rng, dx + dy)
        margin = pick(rng, MARGINS)
        parameters = {"theta": theta, "margin": margin, "signs": signs.astype(int).tolist()}
        mi = float(clayton_information(theta, dx, dy))
        return Labelled(dx, dy, mi, _clayton_sampler(theta, signs, margin, dx), parameters)


def _clayton_sampler(theta: float, signs: Array, margin: str, dx: int) -> Sampler:
    def sample(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
        u = finish(clayton_uniforms(theta, (n, len(signs)), rng), margin) * signs
        return u[:, :dx], u[:, dx:]

    return sample
