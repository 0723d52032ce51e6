"""Maps of a sample that keep its MI: what multiplies the families.

MI does not change under injective maps of X alone and of Y alone (Cover & Thomas, sec. 8.6; Kraskov et al. 2004,
app. A). A transform draws its own parameters, applies itself, and states them.

Some transforms want columns of unit scale. That scale is never taken from the rows which become the record, for then
these would no longer be independent: it is taken from *pilot rows*, further rows of the same sample which follow the
first n and are dropped at the end.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

import numpy as np

from mutualist.datagen.column_maps import COLUMN_MAPS, standardise
from mutualist.datagen.dispersion import Matrix, Range, orthogonal
from mutualist.datagen.interface import Array
from mutualist.errors import ConfigError

Parameters = dict[str, Any]
Stated = Parameters | list[Parameters] | None  # what a side's map is; None where there is none


class Transform(ABC):
    """Subclasses are frozen dataclasses: their fields are the options a configuration may set.

    `needs_pilot`: whether `apply` reads the rows from n on.
    """

    name: ClassVar[str]
    needs_pilot: ClassVar[bool] = True

    @abstractmethod
    def apply(self, rng: np.random.Generator, x: Array, y: Array, n: int) -> tuple[Array, Array, Parameters]:
        """x: (n + pilot, dx), y: (n + pilot, dy). Returns both mapped, and the parameters (JSON-serialisable)."""


class SideTransform(Transform):
    """A transform that maps X alone and Y alone, each side by a map of its own that is drawn in the same way.

    `least_columns`: sides with fewer are left alone, and nothing is drawn for them.
    """

    least_columns: ClassVar[int] = 2

    @abstractmethod
    def map_side(self, rng: np.random.Generator, values: Array, n: int) -> tuple[Array, Stated]:
        """values: (n + pilot, d) with d ≥ `least_columns`. Returns them mapped, and what defines the map."""

    def apply(self, rng: np.random.Generator, x: Array, y: Array, n: int) -> tuple[Array, Array, Parameters]:
        x, of_x = self._map_wide(rng, x, n)
        y, of_y = self._map_wide(rng, y, n)
        return x, y, {"x": of_x, "y": of_y}

    def _map_wide(self, rng: np.random.Generator, values: Array, n: int) -> tuple[Array, Stated]:
        return self.map_side(rng, values, n) if values.shape[1] >= self.least_columns else (values, None)


TRANSFORMS: dict[str, type[Transform]] = {}
T = TypeVar("T", bound=type[Transform])


def register(cls: T) -> T:
    """Class decorator: makes the transform known under its `name`, which no other may have."""
    if cls.name in TRANSFORMS:
        raise ValueError(f"two transforms are called {cls.name!r}")
    TRANSFORMS[cls.name] = cls
    return cls


def make_transform(name: str, options: dict[str, Any]) -> Transform:
    """The transform called `name`; unknown names and options raise ConfigError."""
    if name not in TRANSFORMS:
        raise ConfigError(f"unknown transform {name!r}; known: {', '.join(sorted(TRANSFORMS))}")
    cls = TRANSFORMS[name]
    known = set(cls.__dataclass_fields__)  # type: ignore[attr-defined]
    if unknown := set(options) - known:
        raise ConfigError(f"transform {name!r} has no option {sorted(unknown)}; it takes {sorted(known)}")
    return cls(**options)


@register
@dataclass(frozen=True)
class MonotoneMap(Transform):
    """One strictly increasing map for all columns, as the reference does; drawn by weight from `maps`."""

    name: ClassVar[str] = "monotone"
    needs_pilot: ClassVar[bool] = False
    maps: dict[str, float] = field(default_factory=lambda: {"asinh": 1.0, "half-cube": 1.0, "wigglify": 1.0})

    def __post_init__(self) -> None:
        _check_maps(self.maps)

    def apply(self, rng: np.random.Generator, x: Array, y: Array, n: int) -> tuple[Array, Array, Parameters]:
        name = _choose(rng, self.maps)
        draw = COLUMN_MAPS[name]
        f, parameters = draw(rng)
        return f(x), f(y), {"map": name, **parameters}


@register
@dataclass(frozen=True)
class ColumnMaps(SideTransform):
    """Each column is brought to unit scale and then mapped by a strictly monotone map of its own.

    `maps`: names and weights (all by default); `flip`: probability that a column's sign is turned;
    `unit`: range of log10 of the factor by which a column is scaled at the end; `share`: of columns that get a map.
    """

    name: ClassVar[str] = "columns"
    least_columns: ClassVar[int] = 1
    maps: dict[str, float] = field(default_factory=lambda: dict.fromkeys(COLUMN_MAPS, 1.0))
    flip: float = 0.5
    unit: Range = (-6.0, 6.0)
    share: float = 0.7

    def __post_init__(self) -> None:
        _check_maps(self.maps)

    def map_side(self, rng: np.random.Generator, values: Array, n: int) -> tuple[Array, Stated]:
        scaled, location, scale = standardise(values, n)
        record = []
        for j in range(values.shape[1]):
            column: Array = scaled[:, j]
            stated: Parameters = {"location": float(location[j]), "scale": float(scale[j])}
            if rng.random() < self.share:
                name = _choose(rng, self.maps)
                f, parameters = COLUMN_MAPS[name](rng)
                column = f(column)
                stated |= {"map": name, **parameters}
            factor = 10.0 ** rng.uniform(*self.unit) * (-1 if rng.random() < self.flip else 1)
            scaled[:, j] = column * factor
            record.append(stated | {"factor": factor})
        return scaled, record


@register
@dataclass(frozen=True)
class Mixing(SideTransform):
    """An invertible linear map inside X and one inside Y: Q₁ diag(s) Q₂ with random rotations.

    The logs of the singular values s are uniform on ±½ ln `condition`; condition 1 is a pure rotation. Columns are
    brought to unit scale first: mixing a large with a small column would lose the small one in float32.
    """

    name: ClassVar[str] = "mixing"
    condition: float = 10.0

    def __post_init__(self) -> None:
        if not 1 <= self.condition <= 1e3:
            raise ConfigError(f"option condition: {self.condition}: give a number from 1 to 1000")

    def map_side(self, rng: np.random.Generator, values: Array, n: int) -> tuple[Array, Stated]:
        d = values.shape[1]
        scaled, location, scale = standardise(values, n)
        matrix: Matrix = orthogonal(rng, d)
        half = 0.5 * np.log(self.condition)
        singular = np.exp(rng.uniform(-half, half, size=d))
        if self.condition > 1:
            matrix = (matrix * singular) @ orthogonal(rng, d)
        stated = {"location": location.tolist(), "scale": scale.tolist(), "singular": singular.tolist()}
        return scaled @ matrix, stated


@register
@dataclass(frozen=True)
class Spiral(SideTransform):
    """Rotation of a random plane inside each side by an angle that depends on the norm alone.

    x → R(ω |x|²/(1 + |x|²/ρ²)) x with ρ = 3 (Czyż et al. 2023, sec. 2: the spiral diffeomorphism; there the angle
    grows with |x|² without bound, which in heavy tails would turn rounding errors into noise). The norm is kept, so
    the map is inverted by the opposite rotation.
    """

    name: ClassVar[str] = "spiral"
    speed: Range = (0.2, 2.0)

    def map_side(self, rng: np.random.Generator, values: Array, n: int) -> tuple[Array, Stated]:
        d = values.shape[1]
        scaled, location, scale = standardise(values, n)
        squared = np.minimum((scaled * scaled).sum(axis=1) / d, 1e12)
        turns = []
        for _ in range(max(1, d // 2)):
            i, j = (int(k) for k in rng.choice(d, size=2, replace=False))
            speed = rng.uniform(*self.speed) * (-1 if rng.random() < 0.5 else 1)
            angle = speed * squared / (1 + squared / 9)
            cos, sin = np.cos(angle), np.sin(angle)
            a, b = scaled[:, i].copy(), scaled[:, j].copy()
            scaled[:, i], scaled[:, j] = cos * a - sin * b, sin * a + cos * b
            turns.append([i, j, speed])
        return scaled, {"location": location.tolist(), "scale": scale.tolist(), "turns": turns}


@register
@dataclass(frozen=True)
class PermuteColumns(Transform):
    """The columns of X in random order, and those of Y."""

    name: ClassVar[str] = "permute"
    needs_pilot: ClassVar[bool] = False

    def apply(self, rng: np.random.Generator, x: Array, y: Array, n: int) -> tuple[Array, Array, Parameters]:
        px, py = rng.permutation(x.shape[1]), rng.permutation(y.shape[1])
        return x[:, px], y[:, py], {"x": px.tolist(), "y": py.tolist()}


def _check_maps(maps: dict[str, float]) -> None:
    if unknown := set(maps) - set(COLUMN_MAPS):
        raise ConfigError(f"unknown maps {sorted(unknown)}; known: {', '.join(COLUMN_MAPS)}")
    if not maps or min(maps.values()) < 0 or sum(maps.values()) <= 0:
        raise ConfigError(f"maps: {maps}: give at least one map a positive weight")


def _choose(rng: np.random.Generator, weights: dict[str, float]) -> str:
    at = rng.random() * sum(weights.values())
    for name, weight in weights.items():
        at -= weight
        if at < 0:
            return name
    return next(reversed(weights))
