#!/usr/bin/env python3
"""How fast meta-datasets are made, everything included from sampling to closed Parquet files.

    python benchmarks/datagen.py [--records 4000]

reference_records_per_s     the paper's mixture (part `reference` of the configuration `cpu`: n 10–500, dx = dy 2–32,
                            normal, Student-t and additive noise × monotone maps), one process
full_records_per_s          the whole configuration `cpu`, one process
normals_only_records_per_s  drawing as many standard normals as the reference records hold, and nothing else: the limit
two_worker_speedup          the time of one worker over that of two, each a Dask worker process, cluster already running
peak_worker_mib             the largest resident memory of these workers, which then make the full mixture too

The shares say where the time of the reference records goes. Figures are the best of several rounds: other load on the
machine can only make them worse.
"""

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits

from mutualist.datagen import structures
from mutualist.datagen.config import DatasetConfig, load_config, parse_config
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


def best(work: Callable[[], Any], rounds: int = ROUNDS) -> float:
    """The least seconds of several rounds."""
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def records_per_s(config: DatasetConfig, folder: Path) -> float:
    """Of drawing and writing the training split in this process, in files of 1,000 records."""
    prior = Prior(config)
    records = config.splits["train"].records

    def make() -> None:
        for shard, start in enumerate(range(0, records, 1000)):
            count = min(1000, records - start)
            write_shard(folder / f"{shard}.parquet", (prior.draw_record("train", shard, i) for i in range(count)), {})

    return records / best(make)


def shares(config: DatasetConfig, folder: Path) -> dict[str, float]:
    """Microseconds a record of each kind of work, each measured alone on the same records."""
    prior = Prior(config)
    records = [prior.draw_record("train", 0, i) for i in range(1000)]
    count, rng = len(records), np.random.Generator(np.random.SFC64(0))
    sizes = [(r.n, r.dx, r.dy) for r in records]
    maps = [np.eye(dx + dy, dtype=np.float32) for _, dx, dy in sizes]
    ranges = structures.Ranges()

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
        "everything": best(
            lambda: write_shard(folder / "e.parquet", (prior.draw_record("train", 0, i) for i in range(count)), {})
        ),
    }
    return {name: 1e6 * seconds / count for name, seconds in measured.items()}


def _generator(i: int) -> np.random.Generator:
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence(1, spawn_key=(0, 0, i))))


def scaling(records: int, folder: Path) -> tuple[float, float]:
    """Speed-up of two Dask workers over one, and the peak resident memory of a worker in MiB."""
    from distributed import Client, LocalCluster

    config = benchmark_config(records, "reference", shards=8)
    seconds = []
    peak = 0.0
    for workers in (1, 2):
        with (
            LocalCluster(n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=":0") as cluster,
            Client(cluster) as client,
        ):
            warm = benchmark_config(8, "reference", shards=8)
            make_dataset(warm, folder / f"warm-{workers}", scheduler=cluster.scheduler_address)
            start = time.perf_counter()
            make_dataset(config, folder / f"made-{workers}", scheduler=cluster.scheduler_address)
            seconds.append(time.perf_counter() - start)
            if workers == 2:
                # Memory of the mixture that needs more: longer samples, tables of copulas, and torch for the flows.
                mixed = benchmark_config(records, None, shards=8)
                make_dataset(mixed, folder / "made-full", scheduler=cluster.scheduler_address)
            peak = max(peak, *client.run(_peak_mib).values())
    return seconds[0] / seconds[1], peak


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=4000, help="records of each measurement")
    records = parser.parse_args().records
    console = Console()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with threadpool_limits(1):
            reference_config = benchmark_config(records, "reference")
            parts = shares(reference_config, folder)
            reference = records_per_s(reference_config, folder)
            full = records_per_s(benchmark_config(records, None), folder)
        speedup, peak = scaling(4 * records, folder)
    normals = 1e6 / parts["random normals"]

    table = Table("reference records: work", "µs a record", "share of everything")
    for work, each in parts.items():
        table.add_row(work, f"{each:,.0f}", f"{each / parts['everything']:.0%}")
    console.print(table)
    console.print(
        f"reference {reference:,.0f}/s: {reference / normals:.0%} of drawing the numbers alone ({normals:,.0f}/s)"
    )
    console.print(
        f"full mixture {full:,.0f}/s; two workers {speedup:.2f} times one; a worker's peak memory {peak:,.0f} MiB"
    )
    figures = {
        "reference_records_per_s": round(reference, 1),
        "full_records_per_s": round(full, 1),
        "normals_only_records_per_s": round(normals, 1),
        "two_worker_speedup": round(speedup, 3),
        "peak_worker_mib": round(peak, 1),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
