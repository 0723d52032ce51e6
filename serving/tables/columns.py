"""Columns in a JSON body: {"columns": {"age": [41, 37, null], "sex": ["f", "m", "f"]}, and options beside them}."""

from typing import Any

import numpy as np
import pyarrow as pa
from pydantic_core import from_json

from mutualist.errors import InputError
from mutualist.serving.schemas.parse import InvalidRequest
from mutualist.serving.schemas.samples import kind
from mutualist.serving.tables.caps import Caps

_EXAMPLE = '{"columns": {"a": [1, 2, 3, 4], "b": [1, 3, 2, 4]}}'


def check_values(body: bytes, most: int) -> None:
    """Raises InputError for JSON with more values than allowed: each but the first follows a comma or a bracket."""
    if len(body) > most and body.count(b",") + body.count(b"[") + body.count(b"{") > most:
        raise InputError(f"the body holds more than {most:,} values; send fewer rows or columns")


def columns_of_json(body: bytes, caps: Caps) -> tuple[pa.Table, dict[str, Any]]:
    """The columns of a body, numbers as float64 and texts as strings, and what stands beside them.

    Raises:
        InvalidRequest: not of this form; the message says where.
    """
    check_values(body, caps.values)
    try:
        data = from_json(body)
    except ValueError as error:
        raise InvalidRequest([("", f"Invalid JSON: {error}; send a JSON object such as {_EXAMPLE}")]) from None
    if not isinstance(data, dict) or not isinstance(data.get("columns"), dict):
        raise InvalidRequest([("", f"the body must be a JSON object such as {_EXAMPLE}")])
    columns: dict[str, Any] = data.pop("columns")
    if not columns:
        raise InvalidRequest([("columns", "this object is empty; send a list of values for each column")])
    caps.check_width(len(columns))
    arrays: dict[str, pa.Array] = {}
    length: int | None = None
    for name, values in columns.items():
        column = f"columns.{name[:60]}"
        if not isinstance(values, list):
            raise InvalidRequest([(column, f"this is {kind(values)}; send a list of numbers, or one of texts")])
        length = len(values) if length is None else length
        if len(values) != length:
            raise InvalidRequest(
                [(column, f"this has {len(values)} rows and the first column {length}; give all columns as many")]
            )
        arrays[name] = _values(values, column)
    if not length:
        raise InvalidRequest([("columns", "the columns are empty; send one value a row")])
    return pa.table(arrays), data


def _values(values: list[Any], column: str) -> pa.Array:
    """One column: all numbers or all texts, but for what is missing."""
    types = set(map(type, values)) - {type(None)}
    if types == {str}:
        return pa.array(values, pa.large_string())
    if not types <= {int, float}:
        i, bad = next((i, v) for i, v in enumerate(values) if type(v) not in (int, float, type(None)))
        raise InvalidRequest([(column, f"row [{i}] is {kind(bad)}; send all numbers or all texts, null for gaps")])
    try:
        return pa.array(np.array(values, dtype=np.float64))
    except OverflowError:
        raise InvalidRequest([(column, "this holds an integer beyond the largest double; send less")]) from None
