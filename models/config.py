"""The network's configuration: everything that fixes its shapes, stored beside its weights."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from mutualist.errors import ConfigError

LEVELS = (0.005, 0.025, 0.05, 0.1, 0.175, 0.25, 0.375, 0.5, 0.625, 0.75, 0.825, 0.9, 0.95, 0.975, 0.995)


@dataclass(frozen=True)
class ModelConfig:
    """Shapes of the network.

    Attributes:
        levels: quantile levels that the network answers with, increasing, in (0, 1); 0.5 is among them.
        width: width of a column's token.
        pair_width: width of a pair's feature vector.
        layers: column-attention layers.
        heads: attention heads in each; divides `width`.
        cosines: cosine functions of the ranks in the basis of a column (besides two Hermite polynomials).
        spectral_cosines: cosine functions in the expansion of a copula density where X and Y have one column each.
        turns: highest order of the cosines of the radii that columns are multiplied by.
        row_width: learned features of a row of X, and of a row of Y, in the attention over samples.
        neighbours: k of the nearest-neighbour statistics, increasing.
        queries: rows at which neighbour statistics are taken (all rows are their references, up to `max_rows`).
        max_rows: rows that the row-wise parts look at; column pairs always use every row.
        max_log_n: ln n is clipped here before the network sees it, so that larger samples do not extrapolate.
    """

    levels: tuple[float, ...] = LEVELS
    width: int = 64
    pair_width: int = 24
    layers: int = 3
    heads: int = 4
    cosines: int = 5
    spectral_cosines: int = 12
    turns: int = 3
    row_width: int = 16
    neighbours: tuple[int, ...] = (1, 3, 6, 12)
    queries: int = 256
    max_rows: int = 8192
    max_log_n: float = 9.95

    def __post_init__(self) -> None:
        for name in ("levels", "neighbours"):  # lists come from JSON and YAML
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if 0.5 not in self.levels or list(self.levels) != sorted(set(self.levels)):
            raise ConfigError(f"levels must increase and contain 0.5, got {self.levels}")
        if not 0 < self.levels[0] < self.levels[-1] < 1:
            raise ConfigError(f"levels must lie strictly between 0 and 1, got {self.levels}")
        if self.width % self.heads:
            raise ConfigError(f"width {self.width} is not a multiple of heads {self.heads}")
        counts = "width pair_width layers heads cosines spectral_cosines turns row_width queries max_rows"
        for name in counts.split():
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not self.neighbours or min(self.neighbours) < 1:
            raise ConfigError(f"neighbours must name at least one k >= 1, got {self.neighbours}")

    @property
    def median(self) -> int:
        """Index of level 0.5."""
        return self.levels.index(0.5)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "ModelConfig":
        """The configuration in `values`; an unknown or missing key raises ConfigError."""
        known = {f.name for f in fields(cls)}
        if set(values) != known:
            raise ConfigError(
                f"model configuration: unknown keys {sorted(set(values) - known)}, missing keys "
                f"{sorted(known - set(values))}; it takes exactly {sorted(known)}"
            )
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """The configuration as JSON-serialisable values."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}
