"""Multivariate normal and Student-t with random covariance structure: the reference families."""

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from scipy.special import psi

from mutualist.datagen.dispersion import Dispersion, Matrix, Range, Ranges
from mutualist.datagen.interface import Array, Family, JointDistribution
from mutualist.datagen.registry import register
from mutualist.datagen.structures import STRUCTURES
from mutualist.errors import ConfigError


class MultivariateNormal(JointDistribution):
    """(X, Y) ~ N(0, Σ). MI = ½(ln det Σx + ln det Σy − ln det Σ) nats (Cover & Thomas, eq. 8.57)."""

    def __init__(self, dispersion: Dispersion, dx: int) -> None:
        self.dx, self.dy = dx, dispersion.factor.shape[0] - dx
        self.mi = dispersion.normal_mi
        self.parameters: dict[str, Any] = dispersion.parameters
        self._map = dispersion.factor.T.astype(np.float32)

    @property
    def covariance(self) -> Matrix:
        """Σ as it is sampled, (dx + dy, dx + dy), X first."""
        return _product(self._map)

    def sample(self, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
        z = rng.standard_normal((n, self.dx + self.dy), dtype=np.float32) @ self._map
        return z[:, : self.dx], z[:, self.dx :]


def student_correction(nu: float, dx: int, dy: int) -> float:
    """What a Student-t with ν degrees of freedom has above the normal of the same dispersion, in nats.

    c(ν) + c(ν + dx + dy) − c(ν + dx) − c(ν + dy), c(k) = ln Γ(k/2) − (k/2) ψ(k/2) (Arellano-Valle, Contreras-Reyes
    & Genton 2013; Czyż et al. 2023, app. D). Positive: the shared scale alone makes X and Y dependent.
    """

    def c(k: float) -> float:
        return math.lgamma(k / 2) - k / 2 * float(psi(k / 2))

    return c(nu) + c(nu + dx + dy) - c(nu + dx) - c(nu + dy)


class MultivariateStudent(JointDistribution):
    """(X, Y) = F Z / √(W/ν), Z standard normal, W ~ χ²(ν), Σ = F Fᵀ the dispersion.

    MI = MI of N(0, Σ) + `student_correction`, in nats.
    """

    def __init__(self, dispersion: Dispersion, dx: int, nu: float) -> None:
        self.dx, self.dy = dx, dispersion.factor.shape[0] - dx
        self.mi = max(0.0, dispersion.normal_mi + student_correction(nu, self.dx, self.dy))
        self.parameters: dict[str, Any] = {**dispersion.parameters, "nu": nu}
        self.nu = nu
        self._map = dispersion.factor.T.astype(np.float32)

    @property
    def covariance(self) -> Matrix:
        """The dispersion Σ as it is sampled, (dx + dy, dx + dy), X first."""
        return _product(self._map)

    def sample(self, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
        z = rng.standard_normal((n, self.dx + self.dy), dtype=np.float32) @ self._map
        w = rng.standard_gamma(self.nu / 2, size=n) * (2 / self.nu)
        # The floor is met with probability below 1e-17 for ν ≥ 0.7; it keeps a denormal W from giving infinity.
        z *= (1 / np.sqrt(np.maximum(w, 1e-50))).astype(np.float32)[:, None]
        return z[:, : self.dx], z[:, self.dx :]


def _product(half: Array) -> Matrix:
    wide = half.astype(np.float64)
    return np.asarray(wide.T @ wide)


def _check_structure(structure: str) -> None:
    if structure not in STRUCTURES:
        raise ConfigError(f"unknown structure {structure!r}; choose one of {', '.join(STRUCTURES)}")


def ranges_from(given: dict[str, Range]) -> Ranges:
    """The default ranges with those replaced that are given by name; ConfigError for anything else."""
    try:
        return Ranges(**{name: (float(low), float(high)) for name, (low, high) in given.items()})
    except (TypeError, ValueError) as error:
        known = ", ".join(Ranges.__dataclass_fields__)
        raise ConfigError(f"option ranges: {given!r}: give pairs [low, high] for any of {known}") from error


@register
@dataclass(frozen=True)
class MultivariateNormalFamily(Family):
    """Normal vectors whose covariance has a structure (keys of `structures.STRUCTURES`): see `MultivariateNormal`.

    Any dimensions. `ranges` overrides ranges of `dispersion.Ranges` by name.
    """

    name: ClassVar[str] = "multivariate-normal"
    structure: str = "dense"
    ranges: dict[str, Range] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_structure(self.structure)
        object.__setattr__(self, "_ranges", ranges_from(self.ranges))

    def supports(self, dx: int, dy: int) -> bool:
        return dx >= 1 and dy >= 1

    def draw(self, rng: np.random.Generator, dx: int, dy: int) -> MultivariateNormal:
        ranges: Ranges = self._ranges  # type: ignore[attr-defined]
        return MultivariateNormal(STRUCTURES[self.structure](rng, dx, dy, ranges), dx)


@register
@dataclass(frozen=True)
class MultivariateStudentFamily(Family):
    """Student-t vectors whose dispersion has a structure: heavy tails that come together, see `MultivariateStudent`.

    Any dimensions. `nu`: range of the degrees of freedom, drawn uniformly or, with `log_nu`, log-uniformly. With
    structure `diagonal` the columns are uncorrelated and yet dependent: MI > 0.
    """

    name: ClassVar[str] = "multivariate-student"
    structure: str = "dense"
    ranges: dict[str, Range] = field(default_factory=dict)
    nu: Range = (1.0, 10.0)
    log_nu: bool = False

    def __post_init__(self) -> None:
        _check_structure(self.structure)
        object.__setattr__(self, "_ranges", ranges_from(self.ranges))
        if not 0.5 <= self.nu[0] <= self.nu[1]:
            raise ConfigError(f"option nu: {self.nu}: give [low, high] with 0.5 <= low <= high")

    def supports(self, dx: int, dy: int) -> bool:
        return dx >= 1 and dy >= 1

    def draw(self, rng: np.random.Generator, dx: int, dy: int) -> MultivariateStudent:
        low, high = self.nu
        nu = float(np.exp(rng.uniform(np.log(low), np.log(high)))) if self.log_nu else rng.uniform(low, high)
        ranges: Ranges = self._ranges  # type: ignore[attr-defined]
        return MultivariateStudent(STRUCTURES[self.structure](rng, dx, dy, ranges), dx, nu)
