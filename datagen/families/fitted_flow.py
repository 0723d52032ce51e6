"""Samples that look like a user's own table and whose MI is known all the same."""

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from scipy.linalg import solve_triangular

from mutualist.datagen.dispersion import Dispersion, Matrix, Range, cholesky
from mutualist.datagen.families.elliptical import ranges_from
from mutualist.datagen.families.labelled import check_names, pick
from mutualist.datagen.interface import Array, Family, JointDistribution
from mutualist.datagen.registry import register
from mutualist.datagen.structures import STRUCTURES
from mutualist.errors import ConfigError, DataError

if TYPE_CHECKING:
    from mutualist.datagen.flows.fit import FittedFlow


def flow_digest(directory: Path) -> str:
    """SHA-256 of a flow's description, which holds that of its weights: two flows with the same one are the same.

    Raises:
        ConfigError: there is no flow.
    """
    try:
        return hashlib.sha256((directory / "flow.json").read_bytes()).hexdigest()
    except OSError as error:
        raise ConfigError(
            f"no flow at {directory} ({error.strerror}): make one with `mutualist datagen fit-flow TABLE --columns … "
            f"--out {directory}`; relative paths start at the folder of the configuration's file"
        ) from error


@lru_cache(maxsize=16)
def _load(directory: Path, digest: str) -> "FittedFlow":
    # torch takes seconds to import: only those pay who use a flow.
    from mutualist.datagen.flows.fit import FittedFlow

    return FittedFlow.load(directory)


def whitened(dispersion: Dispersion, dx: int, sides: tuple[bool, bool]) -> Matrix:
    """The factor of a dispersion after an invertible linear map of the `sides`, which are standard normal then.

    Σx = L Lᵀ and x → L⁻¹ x; likewise y. The MI is kept.
    """
    factor = dispersion.factor.copy()
    for rows, wanted in ((slice(None, dx), sides[0]), (slice(dx, None), sides[1])):
        if wanted:
            part = factor[rows]
            factor[rows] = solve_triangular(cholesky(part @ part.T), part, lower=True)
    return factor


class ThroughFlow(JointDistribution):
    """(X, Y) = (f(X₀), g(Y₀)), (X₀, Y₀) normal, X₀ standard normal, f a fitted flow, g another or the identity.

    f and g are bijections, so MI = MI of (X₀, Y₀) = ½(ln det Σx + ln det Σy − ln det Σ) nats (Kraskov et al. 2004,
    app. A), exactly; and X = f(standard normal noise) follows the flow's own distribution, whatever Y is.
    """

    def __init__(
        self,
        dispersion: Dispersion,
        dx: int,
        flows: tuple["FittedFlow", "FittedFlow | None"],
        parameters: dict[str, Any],
    ) -> None:
        self.dx, self.dy = dx, dispersion.factor.shape[0] - dx
        self.mi = dispersion.normal_mi
        self.parameters = {**dispersion.parameters, **parameters}
        self._flows = flows
        self._map = whitened(dispersion, dx, (True, flows[1] is not None)).T.astype(np.float32)

    def sample(self, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
        z = rng.standard_normal((n, self.dx + self.dy), dtype=np.float32) @ self._map
        x, y = z[:, : self.dx], z[:, self.dx :]
        flow_x, flow_y = self._flows
        return flow_x.from_noise(x), y if flow_y is None else flow_y.from_noise(y)


@register
@dataclass(frozen=True)
class FittedFlowFamily(Family):
    """X looks like a table to which `mutualist datagen fit-flow` fitted a flow; Y is normal, or looks like a table too.

    X has as many columns as the flow; Y any number, or as many as `flow_y`. To have Y look like the table, set the
    part's `swap`.

    Attributes:
        flow: directory of X's flow. In a configuration's file relative paths start at the folder of that file; where
            the family is made by hand, at the working directory.
        flow_y: directory of Y's flow, the same or another.
        structures: covariance structures of the normal distribution behind, one of which is drawn for each record.
        ranges: overrides ranges of `dispersion.Ranges` by name.
        digest, digest_y: what `flow_digest` says of the flows. Configurations read from a file have them filled in, so
            that a run never goes on with a flow that has been fitted anew; a flow with another one is an error.
    """

    name: ClassVar[str] = "fitted-flow"
    flow: str
    flow_y: str | None = None
    structures: tuple[str, ...] = ("canonical", "canonical", "dense", "sparse", "lvm")
    ranges: dict[str, Range] = field(default_factory=dict)
    digest: str | None = None
    digest_y: str | None = None

    def __post_init__(self) -> None:
        check_names("option structures", self.structures, STRUCTURES)
        object.__setattr__(self, "_ranges", ranges_from(self.ranges))
        flow, digest = self._open("flow", self.flow, self.digest)
        flow_y, digest_y = (None, None) if self.flow_y is None else self._open("flow_y", self.flow_y, self.digest_y)
        stated: dict[str, Any] = {"columns_x": list(flow.columns), "flow_x": digest}
        if flow_y is not None:
            stated |= {"columns_y": list(flow_y.columns), "flow_y": digest_y}
        object.__setattr__(self, "_flows", (flow, flow_y))
        object.__setattr__(self, "_stated", stated)

    @staticmethod
    def _open(option: str, path: object, expected: str | None) -> tuple["FittedFlow", str]:
        if not isinstance(path, str) or not path:
            raise ConfigError(f"option {option}: {path!r}: give the directory of a fitted flow")
        directory = Path(path)
        found = flow_digest(directory)
        if expected is not None and found != expected:
            raise DataError(
                f"the flow at {directory} is another than the configuration was read with (digest {found[:12]}…, "
                f"expected {expected[:12]}…): restore it, or make the meta-dataset anew in another directory"
            )
        return _load(directory.absolute(), found), found

    def supports(self, dx: int, dy: int) -> bool:
        flow, flow_y = self._flows  # type: ignore[attr-defined]
        return dx == flow.flow.dim and (dy >= 1 if flow_y is None else dy == flow_y.flow.dim)

    def draw(self, rng: np.random.Generator, dx: int, dy: int) -> ThroughFlow:
        draw = STRUCTURES[pick(rng, self.structures)]
        dispersion = draw(rng, dx, dy, self._ranges)  # type: ignore[attr-defined]
        return ThroughFlow(dispersion, dx, self._flows, self._stated)  # type: ignore[attr-defined]
