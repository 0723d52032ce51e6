"""Labels against second methods, on the very distributions that records came from.

The joint distribution of a record is made again from its seed path, and each of the blocks that it is made of (their MI
add up) is checked by every method that can say something of it:

- *Monte Carlo again*: a label that is a Monte Carlo mean, against another one of fresh random numbers;
- *densities*: the mean of ln p(x, y) / p(x) p(y) over sampled rows, where the densities are known (`densities`);
- *neighbours*: nearest neighbours at large n, which know nothing of any formula, for up to four columns: those of the
  block, or of its core where these carry all of its MI;
- *neighbours, from above*: the same for more columns, where they fall short, but would show a label that is too low.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from mutualist.datagen.config import DatasetConfig
from mutualist.datagen.inspection import neighbours
from mutualist.datagen.inspection.densities import log_ratio
from mutualist.datagen.inspection.neighbours import neighbour_information
from mutualist.datagen.interface import JointDistribution
from mutualist.datagen.prior import Prior

DENSITY_ROWS = 20_000
# Standard errors that two estimates may lie apart: of thousands of checks none does by chance.
SIGMAS = 4.5
# A check that fails is made again with so many times the rows, which settles what was chance.
MORE_ROWS = 4

AGAIN, DENSITIES, NEIGHBOURS, FROM_ABOVE = "Monte Carlo again", "densities", "neighbours", "neighbours, from above"
METHODS = (AGAIN, DENSITIES, NEIGHBOURS, FROM_ABOVE)


class Estimate(NamedTuple):
    """What a method says of a block, in nats, and how far that may lie below and above a label that is right."""

    method: str
    value: float
    tolerance: tuple[float, float]


class LabelCheck(NamedTuple):
    """The label of a block of a record beside what a second method says of it; in nats.

    `block`: its number within the record; `family` is that of block 0, which the record is named after.
    """

    split: str
    id: int
    family: str
    block: int
    dx: int
    dy: int
    mi: float
    method: str
    estimate: float
    tolerance: tuple[float, float]

    @property
    def agrees(self) -> bool:
        below, above = self.tolerance
        return self.mi - below <= self.estimate <= self.mi + above


def check_labels(
    config: DatasetConfig,
    records: Iterable[tuple[str, int]],
    on_progress: Callable[[], None] = lambda: None,
    rows: int = neighbours.ROWS,
) -> list[LabelCheck]:
    """Checks the labels of records, each given as (split, id), by all methods that apply.

    Args:
        rows: sampled for nearest neighbours of few columns; the other methods take a fixed part or multiple of it.
    """
    prior = Prior(config)
    checks: list[LabelCheck] = []
    for split, number in records:
        shard, i = divmod(number, config.shard_records)
        with threadpool_limits(1):
            record = prior.draw_record(split, shard, i)
            joint, rng = prior.draw_joint(split, shard, i)
            for k, block in enumerate(joint.blocks()):
                for found in _estimates(block, rng, rows / neighbours.ROWS):
                    checks.append(
                        LabelCheck(split, number, record.family, k, block.dx, block.dy, float(block.mi), *found)
                    )
        on_progress()
    return checks


def _estimates(block: JointDistribution, rng: np.random.Generator, effort: float) -> Iterator[Estimate]:
    for method in (_again, _densities, _neighbours, _from_above):
        found = method(block, rng, effort)
        if found is not None and not _within(block.mi, found):
            found = method(block, rng, MORE_ROWS * effort)
        if found is not None:
            yield found


def _within(mi: float, found: Estimate) -> bool:
    return -found.tolerance[0] <= found.value - mi <= found.tolerance[1]


def _again(block: JointDistribution, rng: np.random.Generator, effort: float) -> Estimate | None:
    again = block.estimate_again(rng)
    if again is None:
        return None
    allowed = SIGMAS * float(np.hypot(again[1], block.mi_stderr)) + 1e-4
    return Estimate(AGAIN, again[0], (allowed, allowed))


def _densities(block: JointDistribution, rng: np.random.Generator, effort: float) -> Estimate | None:
    ratio = log_ratio(block)
    if ratio is None:
        return None
    values = ratio(*block.sample(int(effort * DENSITY_ROWS), rng))
    allowed = SIGMAS * float(values.std()) / len(values) ** 0.5 + 1e-4
    return Estimate(DENSITIES, float(values.mean()), (allowed, allowed))


def _neighbours(block: JointDistribution, rng: np.random.Generator, effort: float) -> Estimate | None:
    core = block.core()
    d = core.dx + core.dy
    if not neighbours.judges(block.mi, d):
        return None
    rows = int(effort * neighbours.ROWS)
    x, y = core.sample(rows, rng)
    value = neighbour_information(x, y, rng)
    gain = value - neighbour_information(x[: rows // 4], y[: rows // 4], rng)
    return Estimate(NEIGHBOURS, value, neighbours.tolerance(block.mi, d, gain))


def _from_above(block: JointDistribution, rng: np.random.Generator, effort: float) -> Estimate | None:
    if log_ratio(block) is not None or (block.core() is block and neighbours.judges(block.mi, block.dx + block.dy)):
        return None  # others have said more of the same columns
    x, y = block.sample(int(effort * neighbours.ROWS_WIDE), rng)
    return Estimate(FROM_ABOVE, neighbour_information(x, y, rng), (np.inf, neighbours.tolerance_above(block.mi)))
