#!/usr/bin/env python3
"""How fast meta-datasets are made, everything included from sampling to closed and hashed Parquet files.

    python benchmarks/datagen.py [--records 4000]

reference_records_per_s     the paper's mixture (part `reference` of the configuration `cpu`: n 10–500, dx = dy 2–32,
                            normal, Student-t and additive noise × monotone maps), one Dask worker process
full_records_per_s          the whole configuration `cpu`, one Dask worker process
normals_only_records_per_s  drawing as many standard normals as the reference records hold, and nothing else: the limit
two_worker_speedup          the time of one worker over that of two, cluster already running; wants two idle cores
peak_worker_mib             the largest resident memory of these workers, which made both mixtures

The shares say where the time of the reference records goes, in one process without Dask. Figures are the best of
several rounds: other load on the machine can only make them worse, and the processor's own time, stated beside, tells
by how much.
"""

import argparse
import json
import resource
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits

from mutualist.datagen import structures
from mutualist.datagen.cluster import local_workers
from mutualist.datagen.config import DatasetConfig, load_config, parse_config
from mutualist.datagen.dispersion import Ranges
from mutualist.datagen.pipeline import make_dataset
from mutualist.datagen.prior import Prior
from mutualist.datagen.shards import write_shard

ROUNDS = 3


def benchmark_config(records: int, part: str | None, shards: int = 1) -> DatasetConfig:
    """The configuration `cpu`, or one part of it, with this many records in the training split alone."""
    values = load_config("cpu").model_dump(mode="json")
    values["parts"] = [p for p in values["parts"] if part in (None, p["name"])]
    values["splits"] = {"train": {"records": records}}
    values["shard_records"] = records // shards
    return parse_config(values)


class Seconds(NamedTuple):
    """Of one round of work: by the clock, and of this process's own on the processor."""

    clock: float
    own: float


def best(work: Callable[[], Any], rounds: int = ROUNDS) -> Seconds:
    """The least of several rounds, each of the two by itself."""
    measured = []
    for _ in range(rounds):
        clock, own = time.perf_counter(), time.process_time()
        work()
        measured.append((time.perf_counter() - clock, time.process_time() - own))
    return Seconds(*(min(column) for column in zip(*measured, strict=True)))


def everything(config: DatasetConfig, folder: Path) -> Seconds:
    """A record, on average, of drawing and writing a thousand of a configuration in this process."""
    prior, count = Prior(config), 1000

    def make() -> None:
        write_shard(folder / "all.parquet", (prior.draw_record("train", 0, i) for i in range(count)), {})

    return Seconds(*(seconds / count for seconds in best(make)))


def shares(config: DatasetConfig, folder: Path) -> dict[str, Seconds]:
    """A record, on average, of each kind of work, each measured alone on the same records."""
    prior = Prior(config)
    records = [prior.draw_record("train", 0, i) for i in range(1000)]
    count, rng = len(records), np.random.Generator(np.random.SFC64(0))
    sizes = [(r.n, r.dx, r.dy) for r in records]
    maps = [np.eye(dx + dy, dtype=np.float32) for _, dx, dy in sizes]
    ranges = Ranges()

    def normals() -> None:
        for n, dx, dy in sizes:
            rng.standard_normal((n, dx + dy), dtype=np.float32)

    def products() -> None:
        for (n, dx, dy), matrix in zip(sizes, maps, strict=True):
            scratch[: n * (dx + dy)].reshape(n, dx + dy) @ matrix

    def factors() -> None:
        for _, dx, dy in sizes:
            structures.lvm(rng, dx, dy, ranges)

    scratch = np.zeros(max(n * (dx + dy) for n, dx, dy in sizes), dtype=np.float32)
    measured = {
        "random normals": best(normals),
        "linear algebra: products with the factor": best(products),
        "linear algebra: covariance, Cholesky, label (latent-variable model)": best(factors),
        "seeding one generator a record": best(lambda: [_generator(i) for i in range(count)]),
        "gathering and writing Parquet": best(lambda: write_shard(folder / "w.parquet", records, {})),
    }
    return {name: Seconds(*(s / count for s in seconds)) for name, seconds in measured.items()}


def _generator(i: int) -> np.random.Generator:
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence(1, spawn_key=(0, 0, i))))


class Made(NamedTuple):
    """What Dask workers did: records a second of both mixtures, and the peak resident memory of one in MiB."""

    reference: float
    full: float
    peak: float


def pipeline(workers: int, records: int, folder: Path) -> Made:
    """Both mixtures, made by the pipeline on a cluster that is running and warm."""
    with local_workers(workers) as client:
        address = client.scheduler_info()["address"]

        def rate(part: str | None, count: int, rounds: int) -> float:
            config, target = benchmark_config(count, part, shards=8), folder / "made"

            def make() -> None:
                make_dataset(config, target, scheduler=address)
                shutil.rmtree(target)

            return count / best(make, rounds).clock

        # Tables of copulas, and torch for the flows, are made and imported once a process.
        rate(None, 800, 1)
        reference, full = rate("reference", records, 2), rate(None, records, 2)
        return Made(reference, full, max(client.run(_peak_mib).values()))


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=4000, help="records of each measurement")
    records = parser.parse_args().records
    console = Console()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        reference = benchmark_config(records, "reference")
        with threadpool_limits(1):
            parts = shares(reference, folder)
            whole, full = everything(reference, folder), everything(benchmark_config(records, None), folder)
        one, two = (pipeline(workers, 4 * records, folder) for workers in (1, 2))

    normals = parts["random normals"]
    rest = np.subtract(whole, np.sum(list(parts.values()), axis=0))
    parts["the rest: choices, checks, JSON, Python"] = Seconds(*rest)
    table = Table("reference records: work", "µs a record", "share")
    for work, each in {**parts, "everything": whole}.items():
        table.add_row(work, f"{1e6 * each.own:,.0f}", f"{each.own / whole.own:.0%}")
    console.print(table)
    peak, ratio = max(one.peak, two.peak), two.reference / one.reference
    for line in (
        f"one process: reference {1 / whole.clock:,.0f}/s, full mixture {1 / full.clock:,.0f}/s",
        f"by the processor's own time: {1 / whole.own:,.0f}/s and {1 / full.own:,.0f}/s",
        f"one Dask worker: reference {one.reference:,.0f}/s, full mixture {one.full:,.0f}/s",
        f"two Dask workers: {two.reference:,.0f}/s ({ratio:.2f} times one), {two.full:,.0f}/s "
        f"({two.full / one.full:.2f} times one); a worker's peak memory {peak:,.0f} MiB",
    ):
        console.print(line)
    figures = {
        "reference_records_per_s": round(one.reference, 1),
        "full_records_per_s": round(one.full, 1),
        "normals_only_records_per_s": round(1 / normals.clock, 1),
        "two_worker_speedup": round(ratio, 3),
        "peak_worker_mib": round(peak, 1),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
