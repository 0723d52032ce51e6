"""The command `mutualist bench`."""

import csv
import importlib.util
import json
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from mutualist import factory
from mutualist.bench.data import Suite, find_suites
from mutualist.bench.methods import LEVELS, Method, all_methods, choose
from mutualist.bench.run import Answers, run, work
from mutualist.bench.scores import report
from mutualist.errors import InputError

BY = ("n", "d", "mi", "family")

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")


@app.command()
def bench(
    data: Annotated[
        list[Path],
        typer.Argument(
            metavar="DATA...",
            help="Folders of meta-datasets, as `mutualist datagen make --out` wrote them, or Parquet files.",
            show_default=False,
        ),
    ],
    split: Annotated[
        list[str] | None,
        typer.Option("--split", metavar="NAME", help="Splits of a meta-dataset to score; may be given again.  [test]"),
    ] = None,
    methods: Annotated[
        str | None,
        typer.Option("--methods", metavar="NAMES", help="Methods to compare, joined by commas; all if not given."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="Score so many records of each split or file, drawn at random.")
    ] = None,
    subset: Annotated[
        int, typer.Option("--subset", min=0, help="Ask slow methods about so many of these records only.")
    ] = 50,
    resamples: Annotated[int, typer.Option("--resamples", min=2, help="Resamples of each bootstrap.")] = 50,
    by: Annotated[str, typer.Option("--by", metavar="NAMES", help="Print errors by n, d, mi, family.")] = "n,d",
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the draw of records, resamples and networks.")] = 0,
    weights: Annotated[
        Path | None, typer.Option("--weights", metavar="DIR", help="Exported weights instead of the bundled ones.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Write bench.json, answers.csv and pictures into this folder."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """How good is the estimator, beside others, on samples whose mutual information is known?

    Prints errors, the coverage and the interval score of 90 % intervals, the time for an answer, errors by size and
    dimension, and every group of records in which a peer is better. All methods see the same records. Those that do
    not apply to a record (scikit-learn takes pairs of columns; Gaussian ones need more rows than columns, ours four
    rows) leave it out: compare them with the column "our MAE there".

    [bold]Methods[/]: mutualist, ksg, sklearn, copula, cca; slow and so for --subset only: ksg-bootstrap,
    copula-bootstrap, mine, infonce.

    A Parquet file of one's own has a record a row: n, dx, dy, mi (nats), the values as lists row by row (x and y, or
    both in xy), and family or task.

    [bold]Examples[/]

    mutualist datagen make --config tiny --out data/tiny

    mutualist bench data/tiny --split test --split test_ood --limit 100

    mutualist bench mine.parquet --methods mutualist,ksg --by n,family --out out/bench --json
    """
    shown = _names(by)
    if not set(shown) <= set(BY):
        raise InputError(f"--by is {by!r}; choose from {', '.join(BY)}")
    if out is not None and out.exists() and not out.is_dir():
        raise InputError(f"--out {out} is a file; name a folder")
    suites = find_suites(data, split or ["test"])
    estimator = factory.load_estimator(weights)
    chosen = chosen_methods(estimator, None if methods is None else _names(methods), resamples)
    answers = ask(suites, chosen, limit, subset, seed)
    result = {
        "settings": {"limit": limit, "subset": subset, "resamples": resamples, "seed": seed},
        "model": {key: estimator.info[key] for key in ("name", "version")},
        "versions": versions(),
        "methods": {method.name: method.about for method in chosen},
        "suites": {one.suite: report(one) for one in answers},
    }
    if out is not None:
        write(out, result, answers)
    if as_json:
        typer.echo(json.dumps(result, indent=1, allow_nan=False))
    else:
        from mutualist.bench.show import show_suite

        for name, scores in result["suites"].items():
            show_suite(Console(), name, scores, shown)
    if out is not None:
        Console(stderr=True).print(f"wrote {out}", markup=False, highlight=False, soft_wrap=True)


def chosen_methods(estimator: factory.Estimator, names: Sequence[str] | None, resamples: int) -> list[Method]:
    """The methods with these names, or all.

    Raises:
        InputError: an unknown name, or scikit-learn is asked for and not installed.
    """
    chosen = choose(all_methods(estimator, resamples), names)
    if any(method.name == "sklearn" for method in chosen) and importlib.util.find_spec("sklearn") is None:
        raise InputError(
            "the method sklearn needs scikit-learn, which is not installed; run: pip install 'mutualist[bench]', or "
            "leave it out of --methods"
        )
    return chosen


def ask(suites: Sequence[Suite], methods: Sequence[Method], limit: int | None, subset: int, seed: int) -> list[Answers]:
    """The answers for each suite, under a progress bar."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[method]}"),
    )
    answers = []
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        for suite in suites:
            task = progress.add_task(suite.name, total=work(suite, methods, limit, subset), method="")

            def advance(name: str, task: Any = task) -> None:
                progress.update(task, advance=1, method=name)

            answers.append(run(suite, methods, limit=limit, subset=subset, seed=seed, advance=advance))
    return answers


def write(directory: Path, result: dict[str, Any], answers: Sequence[Answers]) -> None:
    """bench.json with all scores, answers.csv with every answer, and pictures of each suite."""
    from mutualist.bench.pictures import draw_families, draw_suite

    directory.mkdir(parents=True, exist_ok=True)
    (directory / "bench.json").write_text(json.dumps(result, indent=1, allow_nan=False), encoding="utf-8")
    with (directory / "answers.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        names = [f"q{level:g}" for level in LEVELS]
        table.writerow(["suite", "record", "family", "n", "dx", "dy", "mi", "method", *names, "seconds"])
        for one in answers:
            for method in one.quantiles:
                for i in np.flatnonzero(one.answered(method)):
                    head = [one.suite, one.number[i], one.family[i], one.n[i], one.dx[i], one.dy[i], one.truth[i]]
                    values = [f"{value:.6g}" for value in one.quantiles[method][i]]
                    table.writerow([*head, method, *values, f"{one.seconds[method][i]:.3g}"])
    for name, scores in result["suites"].items():
        stem = name.replace("/", "-")
        draw_suite(name, scores, directory / f"{stem}.png")
        draw_families(name, scores, directory / f"{stem}-families.png")


def versions() -> dict[str, str]:
    """Of what the figures depend on."""
    packages = [p for p in ("mutualist", "numpy", "scipy", "torch", "scikit-learn") if _installed(p)]
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}


def _installed(package: str) -> bool:
    return importlib.util.find_spec("sklearn" if package == "scikit-learn" else package) is not None


def _names(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
