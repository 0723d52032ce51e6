"""Arguments and options that subcommands of `mutualist` share."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class UnitOption(StrEnum):
    """Units of information: 1 bit is ln 2 = 0.693 nats."""

    nats = "nats"
    bits = "bits"


class NanPolicy(StrEnum):
    """What to do with rows that have missing or infinite values."""

    raise_ = "raise"
    omit = "omit"


class LayoutOption(StrEnum):
    """How all pairs are written to a CSV file."""

    matrix = "matrix"
    rows = "rows"


TableArg = Annotated[
    Path,
    typer.Argument(
        metavar="TABLE",
        help="CSV file with a header, or Parquet file. Columns of few texts are categories.",
        show_default=False,
    ),
]
UnitOpt = Annotated[UnitOption, typer.Option("--unit", help="Unit of the numbers.")]
LevelOpt = Annotated[float, typer.Option("--level", help="Probability of the interval, between 0 and 1.")]
WeightsOpt = Annotated[
    Path | None,
    typer.Option("--weights", metavar="DIR", help="Exported weights to use instead of the bundled ones."),
]
UrlOpt = Annotated[
    str | None,
    typer.Option("--url", metavar="URL", help="Ask the service at this address instead of estimating here."),
]
KeyOpt = Annotated[
    str | None,
    typer.Option(
        "--api-key", metavar="KEY", envvar="MUTUALIST_API_KEY", help="Key for the service at --url, if it asks for one."
    ),
]
NanOpt = Annotated[
    NanPolicy,
    typer.Option("--nan-policy", help="omit leaves out rows with missing or infinite values in a column used."),
]
JsonOpt = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
ColumnsOpt = Annotated[
    list[str] | None,
    typer.Option(
        "--columns", metavar="NAMES", help="Columns to use, a,b,c; all of numbers or categories if not given."
    ),
]
