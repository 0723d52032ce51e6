"""The command `mutualist`. What a subcommand needs is imported when it runs, so that help is quick."""

import importlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from typer.core import TyperGroup

from mutualist.cli_options import (
    ColumnsOpt,
    JsonOpt,
    KeyOpt,
    LayoutOption,
    LevelOpt,
    NanOpt,
    NanPolicy,
    TableArg,
    UnitOpt,
    UnitOption,
    UrlOpt,
    WeightsOpt,
)
from mutualist.errors import InputError, MutualistError

if TYPE_CHECKING:
    from mutualist.columns import NumericTable
    from mutualist.factory import Estimator


class _Group(TyperGroup):
    """Turns our own errors, and those of files, into one message and exit code 2.

    Anything else is a defect and keeps its traceback.
    """

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except MutualistError as error:
            message = str(error)
        except OSError as error:
            if error.filename is None:
                raise
            message = f"cannot use {error.filename}: {error.strerror}; give another place, or see to this one"
        console = Console(stderr=True)
        console.print("[bold red]error:[/] ", end="")
        console.print(message, style="red", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(2)


app = typer.Typer(
    cls=_Group,
    name="mutualist",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    epilog="Try: [bold]mutualist rank data/examples/diabetes.csv --target progression[/]",
)


@app.callback()
def _mutualist() -> None:
    """Mutual information, learned: an estimate and an honest interval for any two groups of columns."""


@app.command()
def estimate(
    table: TableArg,
    x: Annotated[list[str], typer.Option("--x", metavar="NAMES", help="Columns of X, joined by commas: a,b.")],
    y: Annotated[list[str], typer.Option("--y", metavar="NAMES", help="Columns of Y, joined by commas.")],
    unit: UnitOpt = UnitOption.nats,
    level: LevelOpt = 0.9,
    quantiles: Annotated[
        str, typer.Option("--quantiles", metavar="LEVELS", help="Levels of the quantiles to list, joined by commas.")
    ] = "0.05,0.25,0.5,0.75,0.95",
    as_json: JsonOpt = False,
    weights: WeightsOpt = None,
    url: UrlOpt = None,
    api_key: KeyOpt = None,
    nan_policy: NanOpt = NanPolicy.raise_,
) -> None:
    """How much do the columns of X tell about the columns of Y?

    Prints the estimated mutual information with its interval. The two groups may have different numbers of columns.
    Order, units and any strictly monotone rescaling of a column do not matter.

    [bold]Examples[/]

    mutualist estimate data/examples/diabetes.csv --x bmi,blood_pressure --y progression

    mutualist estimate data/examples/wine.csv --x alcohol --y class --unit bits --level 0.5 --json
    """
    from mutualist import tables
    from mutualist.columns import complete_rows, resolve_columns
    from mutualist.result import with_names

    _check_level(level)
    asked = _levels(quantiles)
    known = tables.column_names(table)
    x_names, y_names = resolve_columns(x, known), resolve_columns(y, known)
    if both := sorted(set(x_names) & set(y_names)):
        raise InputError(f"column {both[0]!r} is both in --x and in --y; keep it on one side")
    data = complete_rows(tables.read_table(table, [*x_names, *y_names]), nan_policy.value)
    with _estimator(weights, url, api_key) as estimator:
        result = estimator.estimate(data.columns(x_names), data.columns(y_names))
    answer = result.to_dict(unit.value, level, asked)
    answer["warnings"] = [with_names(text, x_names, y_names) for text in answer["warnings"]] + data.notes()
    if as_json:
        _print_json(answer)
        return
    from mutualist.render import show_estimate

    show_estimate(Console(), answer, x_names, y_names)
    _warn(answer["warnings"])


@app.command()
def rank(
    table: TableArg,
    target: Annotated[str, typer.Option("--target", metavar="NAME", help="The column to learn about.")],
    columns: ColumnsOpt = None,
    unit: UnitOpt = UnitOption.nats,
    level: LevelOpt = 0.9,
    as_json: JsonOpt = False,
    plot: Annotated[Path | None, typer.Option(help="Draw bars with intervals: .png, .pdf or .svg.")] = None,
    weights: WeightsOpt = None,
    url: UrlOpt = None,
    api_key: KeyOpt = None,
    nan_policy: NanOpt = NanPolicy.raise_,
) -> None:
    """How much does each column tell about the target?

    Lists the columns of the table, the most informative first, each with its interval.

    [bold]Examples[/]

    mutualist rank data/examples/diabetes.csv --target progression

    mutualist rank data/examples/wine.csv --target class --unit bits --plot wine.png
    """
    from mutualist.ranking import rank_columns

    _check_level(level)
    if plot:
        _check_picture(plot)
    data = _read(table, columns, nan_policy, also=target)
    with _estimator(weights, url, api_key) as estimator:
        ranking = rank_columns(estimator, data, target, unit.value, level)
    if as_json:
        _print_json(ranking)
    else:
        from mutualist.render import show_ranking

        show_ranking(Console(), ranking)
        _warn([*ranking["warnings"], *_by_column(ranking["columns"])])
    if plot:
        from mutualist.plots import plot_ranking

        with _writing(plot):
            plot_ranking(ranking, plot)
    _say_written(plot)


@app.command()
def pairwise(
    table: TableArg,
    out: Annotated[Path | None, typer.Option("--out", help="CSV file to write.")] = None,
    layout: Annotated[
        LayoutOption,
        typer.Option(help="matrix: estimates, names on both sides; rows: a line a pair, with interval."),
    ] = LayoutOption.matrix,
    columns: ColumnsOpt = None,
    unit: UnitOpt = UnitOption.nats,
    level: LevelOpt = 0.9,
    as_json: JsonOpt = False,
    plot: Annotated[Path | None, typer.Option(help="Draw a heat map: .png, .pdf or .svg.")] = None,
    weights: WeightsOpt = None,
    url: UrlOpt = None,
    api_key: KeyOpt = None,
    nan_policy: NanOpt = NanPolicy.raise_,
) -> None:
    """How much does each column tell about each other one?

    Estimates all pairs of columns of the table from the same rows.

    [bold]Examples[/]

    mutualist pairwise data/examples/wine.csv --out matrix.csv --plot heat.png

    mutualist pairwise data/examples/wine.csv --columns alcohol,hue,proline --out pairs.csv --layout rows
    """
    _check_level(level)
    if plot:
        _check_picture(plot)
    if out:
        _check_parent(out)
    data = _read(table, columns, nan_policy)
    if len(data.names) < 2:
        raise InputError(f"pairs need at least two columns, but there is only {data.names[0]!r}{data.why()}")
    with _estimator(weights, url, api_key) as estimator:
        result = estimator.pairwise(data.values, names=data.names)
    warnings = data.notes()
    if as_json:
        answer = {
            "unit": unit.value,
            "level": level,
            "n": result.n,
            "names": list(result.names),
            "pairs": result.to_rows(unit.value, level),
            "warnings": warnings,
            "model": dict(result.model),
        }
        _print_json(answer)
    else:
        from mutualist.render import show_pairs

        show_pairs(Console(), result, unit.value, level)
        _warn(warnings)
    if out:
        with _writing(out):
            result.to_csv(out, unit.value, level, layout.value)
    if plot:
        from mutualist.plots import plot_pairs

        with _writing(plot):
            plot_pairs(result, plot, unit.value)
    _say_written(out, plot)


def _forwarded(name: str, target: str, extra: str, help: str) -> None:
    """Adds a subcommand whose arguments, --help included, go unread to `target`, "module:object"."""
    module, _, attribute = target.partition(":")

    @app.command(
        name,
        help=help,
        add_help_option=False,
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    )
    def forward(ctx: typer.Context) -> None:
        command: Callable[..., Any] = getattr(_module(module, extra), attribute)
        if isinstance(command, typer.Typer):
            typer.main.get_command(command)(args=list(ctx.args), prog_name=f"mutualist {name}")
        else:
            command(list(ctx.args))


_forwarded(
    "serve",
    "mutualist.serving.command:main",
    extra="serve",
    help="Answers over HTTP: estimates, tables, jobs, a page; documentation at /docs.",
)
_forwarded(
    "datagen",
    "mutualist.datagen.cli:app",
    extra="datagen",
    help="Synthesises samples whose mutual information is known, as Parquet.",
)
_forwarded(
    "train",
    "mutualist.training.cli:main",
    extra="train",
    help="Trains the network on such samples: fit, validate, test (LightningCLI).",
)
_forwarded(
    "calibrate",
    "mutualist.training.commands:calibrate_app",
    extra="train",
    help="Makes the quantiles of a trained network cover as often as they say.",
)
_forwarded(
    "export",
    "mutualist.training.commands:export_app",
    extra="train",
    help="Writes trained, calibrated weights for the estimator: safetensors and JSON.",
)


@app.command("serve-key")
def serve_key(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Who the key is for: letters, digits, - and _.")],
) -> None:
    """Makes an API key for the service: prints it once, and what to put into the file of --keys-file."""
    if not name.isascii() or not name.replace("-", "").replace("_", "").isalnum():
        raise InputError(f"{name!r} is no name of a key; use letters, digits, - and _")
    _module("mutualist.serving.command", extra="serve").print_key(name)


_forwarded(
    "bench",
    "mutualist.bench.command:app",
    extra="bench",
    help="Scores the estimator beside others on samples whose mutual information is known.",
)


@app.command()
def version() -> None:
    """Versions of mutualist, Python and what the numbers depend on."""
    import platform
    from importlib.metadata import version as installed

    typer.echo(f"mutualist {installed('mutualist')}")
    typer.echo(f"Python {platform.python_version()}, torch {installed('torch')}, numpy {installed('numpy')}")


def main() -> None:
    """Entry point of the command."""
    app()


@contextmanager
def _estimator(weights: Path | None, url: str | None, api_key: str | None) -> Iterator["Estimator"]:
    from mutualist import factory

    if url is None:
        yield factory.load_estimator(weights)
        return
    if weights is not None:
        raise InputError("--weights names weights on this machine and --url a service with its own; give one of them")
    with factory.connect(url, api_key) as remote:
        yield remote


def _module(name: str, extra: str) -> Any:
    """Imports a part of mutualist; a library that is not installed is named with the extra that brings it."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] == "mutualist":
            raise
        raise InputError(
            f'this command needs {error.name}, which is not installed; run: pip install "mutualist[{extra}]"'
        ) from None


def _read(table: Path, columns: list[str] | None, nan_policy: NanPolicy, also: str | None = None) -> "NumericTable":
    from mutualist import tables
    from mutualist.columns import check_column, complete_rows, resolve_columns

    known = tables.column_names(table)
    names = resolve_columns(columns, known) if columns else None
    if also is not None:
        check_column(also, known)
        if names is not None and also not in names:
            names.append(also)
    data = tables.read_table(table, names, required=[] if also is None else [also])
    return complete_rows(data, nan_policy.value)


def _check_level(level: float) -> None:
    from mutualist.result import check_level

    check_level(level, "--level")


def _levels(text: str) -> list[float]:
    from mutualist.result import check_level

    try:
        levels = [float(part) for part in text.split(",") if part.strip()]
    except ValueError:
        raise InputError(f"--quantiles is {text!r}; give numbers between 0 and 1 joined by commas: 0.05,0.5") from None
    return [check_level(value, "--quantiles") for value in levels]


def _check_picture(path: Path) -> None:
    if path.suffix.lower() not in (".png", ".pdf", ".svg"):
        raise InputError(f"cannot draw into {path.name!r}; the name must end in .png, .pdf or .svg")
    _check_parent(path)


def _check_parent(path: Path) -> None:
    """Before the work is done and not after it."""
    if not path.parent.is_dir():
        raise InputError(f"cannot write {path}: there is no folder {path.parent}; make it first")
    if path.is_dir():
        raise InputError(f"cannot write {path}: it is a folder; give the name of a file")


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}; give another place") from error


def _by_column(rows: list[dict[str, Any]]) -> list[str]:
    """Warnings of the estimates; what all columns share is said once."""
    texts = dict.fromkeys(text for row in rows for text in row["warnings"])
    lines = []
    for text in texts:
        names = [row["column"] for row in rows if text in row["warnings"]]
        lines.append(text if len(names) == len(rows) else f"{', '.join(names)}: {text}")
    return lines


def _warn(warnings: list[str]) -> None:
    console = Console(stderr=True)
    for text in warnings:
        console.print("[yellow]warning:[/] ", end="")
        console.print(text, markup=False, highlight=False, soft_wrap=True)


def _say_written(*paths: Path | None) -> None:
    for path in paths:
        if path:
            Console(stderr=True).print(f"wrote {path}", markup=False, highlight=False, soft_wrap=True)


def _print_json(answer: dict[str, Any]) -> None:
    typer.echo(json.dumps(answer, indent=2, ensure_ascii=False, allow_nan=False))
