#!/usr/bin/env python3
"""Samples of all 40 tasks of the BMI benchmark (Czyż et al. 2023) as Parquet, for `mutualist bench`.

    python benchmarks/bmi/samples.py bmi.parquet

Others' benchmark shows what a prior of our own making cannot: how estimates fare where someone else chose what matters.
The package `benchmark-mi` needs older numpy and pydantic than mutualist, so this runs in an environment of its own:
see benchmarks/README.md. Each sample has its own seed, and no two tasks share one.
"""

import argparse

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from bmi.benchmark import BENCHMARK_TASKS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", help="Parquet file to write")
    parser.add_argument("--rows", type=int, nargs="+", default=[150, 800, 3000])
    parser.add_argument("--draws", type=int, default=4, help="samples of each task and number of rows")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    records = []
    for number, (name, task) in enumerate(BENCHMARK_TASKS.items()):
        print(name, flush=True)
        for n in args.rows:
            for draw in range(args.draws):
                seed = int(np.random.SeedSequence([args.seed, number, n, draw]).generate_state(1)[0] >> 1)
                values = np.concatenate([np.asarray(side) for side in task.sample(n, seed=seed)], axis=1)
                sizes = {"n": n, "dx": task.dim_x, "dy": task.dim_y}
                known = {"task": name, "mi": float(task.mutual_information)}
                records.append({**known, **sizes, "xy": values.astype(np.float32).ravel()})
    pq.write_table(pa.Table.from_pylist(records), args.out)
    print(f"{len(records)} samples of {len(BENCHMARK_TASKS)} tasks written to {args.out}")


if __name__ == "__main__":
    main()
