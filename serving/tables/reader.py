"""A body and its query become a checked table with options. Large and foreign bodies are read in a process apart.

That process has a limit on its memory and can be killed, so a file that is made to fill the memory, to run forever or
to crash a library ends its own reading and nothing else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mutualist.columns import complete_rows, numeric_table, resolve_columns
from mutualist.errors import InputError
from mutualist.inputs import enough_rows
from mutualist.serving.schemas.parse import InvalidRequest, parse_options
from mutualist.serving.schemas.requests import SidesOptions, TableOptions
from mutualist.serving.tables.arrow import read_arrow
from mutualist.serving.tables.caps import Caps
from mutualist.serving.tables.columns import columns_of_json
from mutualist.serving.tables.forms import Form

OMIT = "nan_policy=omit"
Query = Mapping[str, list[str]]


@dataclass(frozen=True)
class TableRequest:
    """A table without gaps, and how it is to be used.

    Attributes:
        options: of the answer.
        names: of the d columns; where sides were named, X's and then Y's.
        values: (n, d), finite.
        notes: what was left out or taken as categories, in words.
        x, y: names of the columns of each side, where sides were named.
    """

    options: TableOptions
    names: tuple[str, ...]
    values: NDArray[np.float64]
    notes: list[str]
    x: tuple[str, ...] = ()
    y: tuple[str, ...] = ()


def read_request(form: Form, body: bytes, query: Query, model: type[TableOptions], caps: Caps) -> TableRequest:
    """What a request for a table asks.

    Args:
        form: what the body holds.
        body: its bytes.
        query: the query parameters, each with the values it was given.
        model: PairwiseOptions for all pairs of columns, SidesOptions for two groups.
        caps: limits.

    Raises:
        InputError: an option or a table that cannot be used; the message says what to change.
    """
    given: dict[str, Any] = dict(_plain(query, model))
    asked = given.pop("columns", None)
    table: pa.Table | None = None
    if form is Form.JSON:
        table, beside = columns_of_json(body, caps)
        if twice := next((name for name in beside if name in given), None):
            raise InvalidRequest([(twice, "this is given in the query and in the body; give it once")])
        given |= beside
    options = parse_options(model, given)
    sides: list[list[str]] = []

    def choose(known: Sequence[str]) -> list[str] | None:
        caps.check_names(known)
        if isinstance(options, SidesOptions):
            sides.extend(resolve_columns(names, known) for names in (options.x, options.y))
            if (both := next((name for name in sides[0] if name in sides[1]), None)) is not None:  # "" is a name
                raise InputError(f"column {both!r} is both in x and in y; keep it on one side")
            return [*sides[0], *sides[1]]
        return None if asked is None else resolve_columns(asked, known)

    if table is None:
        table, skipped = read_arrow(form, body, choose, caps)
    else:
        table, skipped = table.select(choose(table.column_names) or table.column_names), []
    caps.check_shape(table.num_rows, 0)
    required = () if asked is None and not sides else table.column_names
    found = numeric_table(table, "the table", required, OMIT, show=False)
    found = replace(found, skipped=(*skipped, *found.skipped))
    caps.check_shape(*found.values.shape)
    found = complete_rows(found, options.nan_policy, OMIT)
    enough_rows(found.values)
    x, y = map(tuple, sides) if sides else ((), ())
    if not sides and len(found.names) < 2:
        raise InputError(f"pairs need at least two columns, but there is only {found.names[0]!r}{found.why()}")
    return TableRequest(options, found.names, found.values, found.notes(), x, y)


def _plain(query: Query, model: type[TableOptions]) -> dict[str, Any]:
    """Options of a query as they would stand in JSON; raises InvalidRequest."""
    known = [*model.model_fields, *(["columns"] if not issubclass(model, SidesOptions) else [])]
    plain: dict[str, Any] = {}
    for name, values in query.items():
        if name not in known:
            raise InvalidRequest([("", f"there is no option {name[:40]!r}; the options are {', '.join(known)}")])
        if name in ("columns", "x", "y"):
            plain[name] = values
        elif name == "quantiles":
            plain[name] = [_number(name, part) for value in values for part in value.split(",") if part.strip()]
        elif len(values) > 1:
            raise InvalidRequest([(name, "this is given twice; give it once")])
        else:
            plain[name] = _number(name, values[0]) if name == "level" else values[0]
    return plain


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InvalidRequest([(name, "this is no number; give one strictly between 0 and 1, such as 0.9")]) from None
