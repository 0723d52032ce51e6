#!/usr/bin/env python3
"""How many requests the service answers, how long they take, and what batching is worth.

    python benchmarks/service.py [--seconds 30] [--clients 64] [--rows 200] [--workers 1]

answers_per_s     clients that each wait for their answer and ask again at once, pairs of one column each
p50_ms, p99_ms    of these answers
errors            answers other than 200, and broken connections
unbatched_per_s   the same with --batch-pairs 1, and over_unbatched, the ratio
max_difference    nats, between an answer under load and the local estimator's, which had the pair by itself
pairwise_s        all pairs of 50 columns and 1,000 rows, with intervals, uploaded as Arrow IPC; the best of three
pairwise_csv_s    the same as CSV
peak_mib          largest memory of the server process

Server and load share the machine. Each server is started afresh, as `mutualist serve` with its defaults, and answers a
short load before the one that counts.
"""

import argparse
import asyncio
import json
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from mutualist import MutualInfoEstimator

BODIES = 64
Pairs = list[tuple[NDArray[np.float64], NDArray[np.float64]]]


@contextmanager
def server(*options: str) -> Iterator[tuple[str, int]]:
    """Address and process id of a service of its own."""
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("w") as log:
        words = ["serve", "--port", "0", "--state-dir", folder, *options]
        started = subprocess.Popen(
            [sys.executable, "-m", "mutualist", *words], stdout=subprocess.PIPE, stderr=log, text=True
        )
        assert started.stdout is not None
        try:
            found = re.search(r"http://127\.0\.0\.1:\d+", started.stdout.readline())
            if not found:
                raise SystemExit("the service did not start:\n" + (Path(folder) / "log").read_text())
            yield found[0], started.pid
        finally:
            started.terminate()
            started.wait(60)


def pairs_of(rows: int) -> Pairs:
    """Pairs of one column each, of every strength."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(BODIES, rows))
    y = np.linspace(0, 2, BODIES)[:, None] * x + rng.normal(size=(BODIES, rows))
    return list(zip(x, y, strict=True))


class Load:
    """Clients that each keep one connection and ask again as soon as they are answered."""

    def __init__(self, address: str, pairs: Pairs) -> None:
        self._host, port = address.removeprefix("http://").split(":")
        self._port = int(port)
        bodies = [json.dumps({"x": x.tolist(), "y": y.tolist()}).encode() for x, y in pairs]
        head = f"POST /v1/estimate HTTP/1.1\r\nhost: {self._host}\r\ncontent-type: application/json\r\ncontent-length: "
        self._requests = [head.encode() + f"{len(body)}\r\n\r\n".encode() + body for body in bodies]
        self.ms: list[float] = []
        self.errors = 0
        self.answers: dict[int, set[bytes]] = {}

    def run(self, clients: int, seconds: float) -> None:
        """Loads the server for so long; call it again to go on."""
        asyncio.run(self._run(clients, seconds))

    async def _run(self, clients: int, seconds: float) -> None:
        end = time.perf_counter() + seconds
        await asyncio.gather(*(self._client(i, end) for i in range(clients)))

    async def _client(self, first: int, end: float) -> None:
        reader, writer = await asyncio.open_connection(self._host, self._port)
        i = first
        while (start := time.perf_counter()) < end:
            writer.write(self._requests[i % BODIES])
            try:
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"content-length: (\d+)", head)
                body = await reader.readexactly(int(length[1]) if length else 0)
            except (OSError, asyncio.IncompleteReadError):
                self.errors += 1
                return
            self.ms.append(1e3 * (time.perf_counter() - start))
            if head.startswith(b"HTTP/1.1 200"):
                self.answers.setdefault(i % BODIES, set()).add(body)
            else:
                self.errors += 1
            i += 1
        writer.close()
        await writer.wait_closed()


def loaded(pairs: Pairs, clients: int, seconds: float, *options: str) -> tuple[Load, float, float]:
    """The load after it has run, answers a second, and the server's peak memory in MiB."""
    with server(*options) as (address, pid):
        Load(address, pairs).run(clients, min(3.0, seconds))
        load = Load(address, pairs)
        start = time.perf_counter()
        load.run(clients, seconds)
        rate = len(load.ms) / (time.perf_counter() - start)
        return load, rate, peak_mib(pid)


def peak_mib(pid: int) -> float:
    """Largest resident memory of a process so far."""
    status = Path(f"/proc/{pid}/status")
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.exists() else None
    return int(found[1]) / 1024 if found else float("nan")


def difference(load: Load, pairs: Pairs) -> float:
    """Largest difference, in nats, between answers under load and the local estimator's, one pair at a time."""
    estimator = MutualInfoEstimator.from_pretrained()
    worst = 0.0
    for i, answers in load.answers.items():
        expected = estimator.estimate(*pairs[i]).to_dict()["quantiles"]
        for answer in answers:
            got = json.loads(answer)["quantiles"]
            worst = max(worst, *(abs(g["value"] - e["value"]) for g, e in zip(got, expected, strict=True)))
    return worst


def pairwise_seconds(*options: str) -> tuple[float, float]:
    """Best of three, for 1,225 pairs: uploaded as Arrow IPC, and as CSV."""
    values = np.random.default_rng(1).normal(size=(1000, 50)).cumsum(1)
    table = pa.table({f"c{i}": column for i, column in enumerate(values.T)})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    csv = ",".join(table.column_names) + "\n" + "\n".join(",".join(map(repr, row)) for row in values.tolist())
    bodies = {"application/vnd.apache.arrow.stream": sink.getvalue().to_pybytes(), "text/csv": csv.encode()}
    best = []
    with server(*options) as (address, _):
        for kind, body in bodies.items():
            request = urllib.request.Request(f"{address}/v1/pairwise", body, {"content-type": kind})
            times = []
            for _ in range(3):
                start = time.perf_counter()
                with urllib.request.urlopen(request) as response:
                    answer: dict[str, Any] = json.load(response)
                times.append(time.perf_counter() - start)
                assert len(answer["low"]) == 50
            best.append(min(times))
    return best[0], best[1]


def measure(seconds: float, clients: int, rows: int, workers: int) -> dict[str, float]:
    pairs = pairs_of(rows)
    options = ["--workers", str(workers)]
    load, rate, peak = loaded(pairs, clients, seconds, *options)
    _, alone, _ = loaded(pairs, clients, seconds, "--batch-pairs", "1", "--max-waiting", str(2 * clients), *options)
    arrow, csv = pairwise_seconds(*options)
    return {
        "clients": clients,
        "seconds": seconds,
        "answers_per_s": rate,
        "p50_ms": float(np.percentile(load.ms, 50)),
        "p99_ms": float(np.percentile(load.ms, 99)),
        "errors": load.errors,
        "unbatched_per_s": alone,
        "over_unbatched": rate / alone,
        "max_difference": difference(load, pairs),
        "pairwise_s": arrow,
        "pairwise_csv_s": csv,
        "peak_mib": peak,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--workers", type=int, default=1)
    args = parser.parse_args()
    found = measure(args.seconds, args.clients, args.rows, args.workers)
    shown = Table("figure", "value", title="The service under load")
    for name, value in found.items():
        shown.add_row(name, f"{value:,.3g}")
    Console().print(shown)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
