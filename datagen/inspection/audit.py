"""Every record of a meta-dataset, read once: finite, of a possible label, met only once, independent as often as asked.

And of any number of them, whether the label agrees with second methods (`label_checks`).
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mutualist.datagen.config import DatasetConfig
from mutualist.datagen.families.montecarlo import allowed_stderr
from mutualist.datagen.schema import SPLITS
from mutualist.datagen.storage import Store

_COLUMNS = ("id", "x", "y", "n", "dx", "dy", "mi", "mi_stderr", "parameters")
_ROWS_PER_READ = 64
NAMED = 20  # records with something wrong that are named; all are counted
# Standard deviations by which the number of independent records may miss what the configuration asks for.
SIGMAS = 5.0


@dataclass
class Audit:
    """What was found.

    Attributes:
        faulty: records with something wrong in themselves; the first of them, and what it is, are in `named`.
        duplicates: records whose x and y are those of an earlier record, of any split.
        zero: records with an MI of exactly 0.
        apart: those whose X and Y were drawn apart; expected: how many the configuration asks for; spread: the standard
            deviation of that number.
    """

    records: int = 0
    faulty: int = 0
    duplicates: int = 0
    zero: int = 0
    apart: int = 0
    expected: float = 0.0
    variance: float = 0.0
    named: list[str] = field(default_factory=list)

    @property
    def deviation(self) -> float:
        """How many standard deviations `apart` lies above what is expected."""
        return (self.apart - self.expected) / max(self.variance, 1e-9) ** 0.5

    @property
    def problems(self) -> list[str]:
        """What must not be, in a sentence each; none if all is well."""
        found = list(self.named)
        if self.faulty > len(self.named):
            found.append(f"{self.faulty:,} records in all have something wrong")
        if self.duplicates:
            found.append(f"{self.duplicates:,} records have the x and y of an earlier one")
        if abs(self.deviation) > SIGMAS:
            found.append(
                f"{self.apart:,} records are independent, where the configuration asks for {self.expected:,.0f} ± "
                f"{self.variance**0.5:,.0f}"
            )
        return found


class _Row(NamedTuple):
    id: int
    n: int
    dx: int
    dy: int
    mi: float
    mi_stderr: float
    parameters: str
    x: NDArray[np.float32]
    y: NDArray[np.float32]


def audit_records(
    store: Store, config: DatasetConfig, on_progress: Callable[[int], None] = lambda records: None
) -> Audit:
    """Reads all records of all splits; `on_progress` is called with the number of those just read."""
    audit = Audit()
    seen: set[bytes] = set()
    for split, settings in config.splits.items():
        if not settings.records:
            continue
        share = _independent(config, split)
        audit.expected += settings.records * share
        audit.variance += settings.records * share * (1 - share)
        number = 0
        for rows in _read(store, split):
            for row in rows:
                _look(audit, row, f"record {number} of {split!r}", number, seen)
                number += 1
            on_progress(len(rows))
    return audit


def choose_records(config: DatasetConfig, count: int, rng: np.random.Generator) -> list[tuple[str, int]]:
    """`count` different records of any split at random, as (split, id); all of them if there are no more."""
    sizes = [config.splits[s].records if s in config.splits else 0 for s in SPLITS]
    ends = np.cumsum(sizes)
    chosen = np.sort(rng.choice(ends[-1], size=min(count, int(ends[-1])), replace=False))
    at = np.searchsorted(ends, chosen, side="right")
    return [(SPLITS[k], int(i - ends[k] + sizes[k])) for i, k in zip(chosen, at, strict=True)]


def _independent(config: DatasetConfig, split: str) -> float:
    """The probability that a record of a split has X and Y drawn apart."""
    names = config.splits[split].parts
    parts = [part for part in config.parts if names is None or part.name in names]
    return sum(part.weight * part.independent for part in parts) / sum(part.weight for part in parts)


def _read(store: Store, split: str) -> Iterator[list[_Row]]:
    for shard in store.shards(split):
        with store.open(shard.name) as file:
            for batch in pq.ParquetFile(file).iter_batches(_ROWS_PER_READ, columns=list(_COLUMNS), use_threads=False):
                sides = [
                    np.split(batch[name].flatten().to_numpy(), np.cumsum(batch[name].value_lengths())[:-1])
                    for name in ("x", "y")
                ]
                plain = (batch[name].to_pylist() for name in _COLUMNS if name not in ("x", "y"))
                yield [_Row(*values) for values in zip(*plain, *sides, strict=True)]


def _look(audit: Audit, row: _Row, what: str, number: int, seen: set[bytes]) -> None:
    audit.records += 1
    apart = '"independent":true' in row.parameters
    audit.apart += apart
    audit.zero += row.mi == 0
    if wrong := _wrong(row, number, apart):
        audit.faulty += 1
        if len(audit.named) < NAMED:
            audit.named.append(f"{what}: {wrong}")
    digest = hashlib.blake2b(f"{row.n} {row.dx} {row.dy}".encode(), digest_size=16)
    digest.update(row.x.tobytes() + row.y.tobytes())
    content = digest.digest()
    audit.duplicates += content in seen
    seen.add(content)


def _wrong(row: _Row, number: int, apart: bool) -> str | None:
    values: Any = (row.x, row.y)
    if row.id != number:
        return f"its id is {row.id}"
    if min(row.n, row.dx, row.dy) < 1 or len(row.x) != row.n * row.dx or len(row.y) != row.n * row.dy:
        return f"{len(row.x)} and {len(row.y)} values for n={row.n}, dx={row.dx}, dy={row.dy}"
    if not all(np.isfinite(v).all() for v in values):
        return "values that are not finite"
    if not 0 <= row.mi < float("inf"):
        return f"an MI of {row.mi}"
    if not 0 <= row.mi_stderr <= allowed_stderr(row.mi):
        return f"an MI of {row.mi} with a standard error of {row.mi_stderr}, above {allowed_stderr(row.mi):.3g}"
    return f"X and Y were drawn apart, and yet its MI is {row.mi}" if apart and row.mi else None
