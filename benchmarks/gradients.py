#!/usr/bin/env python3
"""What gradients cost, and whether they can be trusted: smooth ranks beside hard ones, slopes beside differences.

    python benchmarks/gradients.py [--records 200]

value   on records of the configuration `cpu`, drawn anew: errors of the estimate from hard ranks, with X ranked
        smoothly (as where X alone asks for a gradient), and with both; and how far these are from the first, as a
        share of the width of the 90 % interval.
slope   X = Z w for a table Z of five columns and a random w; y a line, a square, a spread or three classes along
        another direction. Along random turns of w: the slope that autograd predicts beside central differences over
        small steps (1e-7: is it the derivative?) and over turns of a tenth (is it of use to one who climbs?).
time    of an answer, and of an answer with its gradient.

Ends with one JSON line.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table

from mutualist import mutual_information
from mutualist.bench.data import find_suites
from mutualist.datagen.config import load_config, parse_config
from mutualist.datagen.pipeline import make_dataset

COLUMNS = 5


def values(records: int) -> dict[str, float]:
    """Mean absolute errors from hard ranks and from smooth ones, nats, and the distance between them."""
    config = load_config("cpu").model_dump(mode="json")
    parts = [part["name"] for part in config["parts"]]
    config |= {"seed": 20251125, "splits": {"test": {"records": records, "parts": parts}}}
    error: dict[str, list[float]] = {"hard": [], "x smooth": [], "both smooth": []}
    away: dict[str, list[float]] = {"x smooth": [], "both smooth": []}
    with tempfile.TemporaryDirectory() as folder:
        make_dataset(parse_config(config), folder, workers=1)
        (suite,) = find_suites([Path(folder)], ["test"])
        chosen = [record for record in suite.records(np.arange(records)) if len(record.x) <= 2000]
    for record in track(chosen, description="values"):
        x, y = torch.from_numpy(record.x), torch.from_numpy(record.y)
        low, hard, high = mutual_information(x, y).tolist()
        error["hard"].append(hard - record.mi)
        for name, other in (("x smooth", y), ("both smooth", y.clone().requires_grad_(True))):
            with torch.no_grad():
                smooth = mutual_information(x.clone().requires_grad_(True), other)[1].item()
            error[name].append(smooth - record.mi)
            away[name].append(abs(smooth - hard) / max(high - low, 1e-3))
    out = {f"mae {name}": float(np.abs(part).mean()) for name, part in error.items()}
    return out | {f"away {name}": float(np.mean(part)) for name, part in away.items()}


def dependence(kind: str, z: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """y for rows z (n, 5)."""
    direction = rng.normal(size=COLUMNS)
    t, noise = z @ (direction / np.linalg.norm(direction)), rng.normal(size=len(z))
    if kind == "line":
        return np.asarray(t + 0.5 * noise)
    if kind == "square":
        return np.asarray(t**2 + 0.3 * noise)
    if kind == "spread":
        return np.asarray(np.exp(t) * noise)
    return np.asarray(np.array([1.0, 0.0, 2.0])[np.digitize(t, [-0.5, 0.5])])


def slopes(kind: str, n: int, wide: int, rounds: int) -> dict[str, float]:
    """How predicted slopes compare with differences.

    `local`: the median relative error over small steps; `useful`: the correlation over turns by a tenth; `size`: the
    factor between the two there.
    """
    rng = np.random.default_rng([n, wide, len(kind)])
    predicted: list[float] = []
    near: list[float] = []
    far: list[float] = []
    for _ in range(rounds):
        z_rows = rng.normal(size=(n, COLUMNS))
        z, y = torch.from_numpy(z_rows), torch.from_numpy(dependence(kind, z_rows, rng))[:, None]
        w = torch.from_numpy(rng.normal(size=(COLUMNS, wide))).requires_grad_(True)
        (slope,) = torch.autograd.grad(mutual_information(z @ w, y)[1], w)
        start = w.detach()

        def at(shift: torch.Tensor, z: torch.Tensor = z, y: torch.Tensor = y, w: torch.Tensor = start) -> float:
            with torch.no_grad():
                return mutual_information((z @ (w + shift)).requires_grad_(True), y)[1].item()

        for _ in range(4):
            turn = torch.from_numpy(rng.normal(size=(COLUMNS, wide)))
            turn = turn - start * (turn * start).sum(0) / start.square().sum(0)
            turn = turn * float(start.norm() / turn.norm())
            predicted.append(float((slope * turn).sum()))
            for steps, step in ((near, 1e-7), (far, 0.1)):
                steps.append((at(step * turn) - at(-step * turn)) / (2 * step))
    p, a, b = np.array(predicted), np.array(near), np.array(far)
    return {
        "local": float(np.median(np.abs(p - a) / np.maximum(np.abs(a), 1e-3))),
        "useful": float(np.corrcoef(p, b)[0, 1]),
        "size": float((p * b).sum() / (b * b).sum()),
    }


def seconds(work: Callable[[], object]) -> float:
    """The median of three runs after one that does not count."""
    work()
    times = []
    for _ in range(3):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=6)
    args = parser.parse_args()
    torch.set_num_threads(1)
    console = Console()
    found = values(args.records)
    shown = Table("figure", "value", title="smooth ranks beside hard ones")
    for name, value in found.items():
        shown.add_row(name, f"{value:.4f}")
    console.print(shown)
    shown = Table("y", "n", "columns of X", "relative error, small steps", "correlation, turns of 0.1", "factor")
    for kind in track(("line", "square", "spread", "classes"), description="slopes"):
        for n, wide in ((100, 1), (400, 1), (1500, 1), (400, 2)):
            row = slopes(kind, n, wide, args.rounds)
            found |= {f"{kind} {n} {wide} {key}": value for key, value in row.items()}
            shown.add_row(kind, str(n), str(wide), f"{row['local']:.1e}", f"{row['useful']:.2f}", f"{row['size']:.2f}")
    console.print(shown)
    shown = Table("n", "columns", "answer, s", "with gradient, s")
    for n, d in ((100, 1), (1000, 1), (10_000, 1), (1000, 5)):
        x, y = torch.randn(n, d, generator=torch.Generator().manual_seed(0)), torch.randn(n, 1)
        plain = seconds(lambda x=x, y=y: mutual_information(x, y))  # type: ignore[misc]
        x.requires_grad_(True)
        whole = seconds(lambda x=x, y=y: torch.autograd.grad(mutual_information(x, y)[1], x))  # type: ignore[misc]
        found |= {f"answer_s {n} {d}": plain, f"gradient_s {n} {d}": whole}
        shown.add_row(f"{n:,}", f"{d} + 1", f"{plain:.3f}", f"{whole:.3f}")
    console.print(shown)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
