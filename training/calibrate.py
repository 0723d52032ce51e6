"""`mutualist calibrate`: from a checkpoint and held-out records to a calibration, with a table of what it changes."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from mutualist.errors import ConfigError, WeightsError
from mutualist.models import MutualInfoNet
from mutualist.models.calibration import Calibration
from mutualist.models.strangeness import Reference
from mutualist.models.trust import Trust
from mutualist.training import conformal, report
from mutualist.training.checkpoint import digest, load_network
from mutualist.training.data import MetaDataModule
from mutualist.training.expected_error import fit_errors
from mutualist.training.predict import Answers, answers_for

FORMAT = 4


def calibrate(
    checkpoint: str | Path,
    data: str | Path,
    out: str | Path,
    *,
    split: str = "calibration",
    test_split: str | None = None,
    seed: int = 0,
    workers: int | None = None,
    console: Console | None = None,
) -> Calibration:
    """Fits a calibration to a split that training has not seen, writes it as JSON and prints its table.

    What says how strange a sample is and how large an error to expect comes from the same records, and goes beside it
    as safetensors.

    The table compares raw and calibrated answers on records that the calibration shown was not fitted to: those of
    `test_split`, or each half of `split` under a calibration fitted to the other half. Shards are answered in `workers`
    processes, by default one a core; what comes out is the same for any number of them.

    Raises:
        ConfigError: `out` is where what goes beside it would lie.
        WeightsError, DataError: the checkpoint or the split cannot be used.
    """
    if trust_path(out) == Path(out):
        raise ConfigError(f"{out}: the calibration is JSON and its safetensors go beside it; name a .json file")
    Path(out).parent.mkdir(parents=True, exist_ok=True)  # fails before the work and not after it
    console = console or Console()
    net = load_network(checkpoint)
    module, processes = MetaDataModule(str(data), seed=seed), workers or os.cpu_count() or 1
    given = predict_split(net, module, split, seed, processes, console)
    shuffled = predict_split(net, module, split, seed, processes, console, shuffled=True)
    fitted = conformal.fit(given, np.random.default_rng(seed), shuffled)
    trust = Trust(
        Reference.fit(given.summaries, np.random.default_rng(seed)),
        fit_errors(given.summaries, report.errors(given, fitted), seed),
    )
    if test_split is not None:
        held_out = predict_split(net, module, test_split, seed, processes, console)
        before, after = report.table(held_out, Calibration.identity(held_out.levels)), report.table(held_out, fitted)
        where = f"split {test_split!r}"
    else:
        before, after = _cross_fitted(given, shuffled, seed)
        where = f"split {split!r}, each half under a calibration fitted to the other"
    _print(console, before, after, f"Coverage and accuracy on {where} (before → after)")
    document = {
        "format": FORMAT,
        "weights": digest(net),
        "calibration": fitted.to_dict(),
        "metrics": {"measured_on": where, "records_calibrated_on": len(given), "before": before, "after": after},
    }
    Path(out).write_text(json.dumps(document), encoding="utf-8")
    trust_path(out).write_bytes(save(trust.to_tensors()))
    console.print(f"calibration written to {out}")
    return fitted


def trust_path(calibration: str | Path) -> Path:
    """Where lies what was learned beside a calibration."""
    return Path(calibration).with_suffix(".safetensors")


def read_calibration(path: str | Path) -> dict[str, Any]:
    """The document that `calibrate` wrote. Raises WeightsError for a file that is not one."""
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path}: not a readable calibration ({error}); run `mutualist calibrate`") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise WeightsError(f"{path}: not a calibration of format {FORMAT}; run `mutualist calibrate` of this release")
    return document


def read_trust(calibration: str | Path) -> Trust:
    """What `calibrate` wrote beside a calibration. Raises WeightsError for a file that is not one."""
    path = trust_path(calibration)
    try:
        return Trust.from_tensors(load_file(path))
    except (OSError, SafetensorError, ConfigError) as error:
        raise WeightsError(f"{path}: not what `mutualist calibrate` writes ({error}); run it again") from error


def predict_split(
    net: MutualInfoNet,
    data: MetaDataModule,
    split: str,
    seed: int,
    workers: int,
    console: Console,
    shuffled: bool = False,
) -> Answers:
    """The network's raw answers for a split, or for half of it with Y `shuffled`, under a progress bar."""
    stream = data.stream(split)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console) as progress:
        total = sum((count + 1) // 2 if shuffled else count for count in stream.counts)
        task = progress.add_task(f"answering {split}" + ", rows of Y shuffled" * shuffled, total=total)
        return answers_for(net, stream, seed, workers, lambda count: progress.advance(task, count), shuffled)


def _cross_fitted(given: Answers, shuffled: Answers, seed: int) -> tuple[dict[str, Any], dict[str, Any]]:
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(1,)))
    half, apart = rng.random(len(given)) < 0.5, rng.random(len(shuffled)) < 0.5
    before = report.table(given, Calibration.identity(given.levels))
    tables = []
    for train, null in ((half, apart), (~half, ~apart)):
        fitted = conformal.fit(given.where(train), np.random.default_rng(seed), shuffled.where(null))
        tables.append(report.table(given.where(~train), fitted))
    return before, {name: _mean([t[name] for t in tables if name in t]) for name in before}


def _mean(rows: list[dict[str, float]]) -> dict[str, float]:
    records = sum(row["records"] for row in rows)
    mean = {key: round(sum(row[key] * row["records"] for row in rows) / records, 5) for key in rows[0]}
    return mean | {"records": records}


def _print(console: Console, before: dict[str, Any], after: dict[str, Any], title: str) -> None:
    table = Table(title=title)
    table.add_column("band")
    for name in ("records", "cover 50 %", "cover 90 %", "width 90 %", "MAE", "low > 0.01"):
        table.add_column(name, justify="right")
    for line in report.lines(before, after):
        table.add_row(*line)
    console.print(table)
