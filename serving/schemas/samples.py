"""Numbers as they come in JSON: checked, and turned into arrays, with words that say where and what to do."""

import sys
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import PlainValidator, WithJsonSchema

Array = NDArray[np.float64]

_SAMPLE_SCHEMA: dict[str, Any] = {
    "description": "One number a row, or one list of numbers a row (all of the same length). Finite numbers.",
    "anyOf": [
        {"type": "array", "minItems": 4, "items": {"type": "number"}},
        {"type": "array", "minItems": 4, "items": {"type": "array", "minItems": 1, "items": {"type": "number"}}},
    ],
}


def kind(value: Any) -> str:
    """What a JSON value is, in the words of JSON and without its content."""
    kinds = {str: "a string", bool: "a boolean", type(None): "null", list: "a list", dict: "an object"}
    return kinds.get(type(value), "a number")


def _numbers(values: list[Any], where: str) -> Array:
    """A list of JSON numbers as float64; `where` names the list in messages."""
    remedy = "send a finite number, or leave the row out of x and of y"
    if not set(map(type, values)) <= {int, float}:
        i, bad = next((i, v) for i, v in enumerate(values) if type(v) not in (int, float))
        raise ValueError(f"{where}[{i}] is {kind(bad)}; {remedy}")
    try:
        array = np.array(values, dtype=np.float64)
    except OverflowError:  # an integer beyond the largest double
        i = next(i for i, v in enumerate(values) if abs(v) > sys.float_info.max)
        raise ValueError(f"{where}[{i}] is not finite as a double; {remedy}") from None
    if not np.isfinite(array).all():
        i = int(np.flatnonzero(~np.isfinite(array))[0])
        raise ValueError(f"{where}[{i}] is not finite; {remedy}")
    return array


def _sample(value: Any) -> Array:
    """x or y of a request as float64 of shape (n,) or (n, d)."""
    if not isinstance(value, list):
        raise ValueError(f"this is {kind(value)}; send a list of numbers, or a list of rows that are lists of numbers")
    if not value:
        raise ValueError("this list is empty; send one entry a row")
    if not isinstance(value[0], list):
        for i, row in enumerate(value):
            if isinstance(row, list):
                raise ValueError(f"row [{i}] is a list, but row [0] is {kind(value[0])}; use one form for all rows")
        return _numbers(value, "row ")
    width = len(value[0])
    if width == 0:
        raise ValueError("row [0] is empty; a row needs at least 1 number")
    for i, row in enumerate(value):
        if not isinstance(row, list):
            raise ValueError(f"row [{i}] is {kind(row)}, but row [0] is a list; use one form for all rows")
        if len(row) != width:
            raise ValueError(f"row [{i}] has {len(row)} numbers and row [0] has {width}; all rows need the same")
    flat = [number for row in value for number in row]
    try:
        return _numbers(flat, "").reshape(len(value), width)
    except ValueError:
        for i, row in enumerate(value):  # again, row by row, for a message that says where
            _numbers(row, f"row [{i}]")
        raise


def _level(value: Any) -> float:
    """A level of a request; "0.9" and true are refused, which pydantic would turn into numbers."""
    if type(value) not in (int, float):
        raise ValueError(f"this is {kind(value)}; send a number strictly between 0 and 1")
    if not 0 < value < 1:
        raise ValueError("this is not strictly between 0 and 1; send a number such as 0.9")
    return float(value)


def _levels(value: Any) -> list[float]:
    if not isinstance(value, list):
        raise ValueError(f"this is {kind(value)}; send a list of numbers strictly between 0 and 1")
    return [_level(item) for item in value]  # the first mistake ends it: a long list must not make a long answer


Sample = Annotated[Any, PlainValidator(_sample), WithJsonSchema(_SAMPLE_SCHEMA)]
_LEVEL_SCHEMA: dict[str, Any] = {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}
Level = Annotated[float, PlainValidator(_level), WithJsonSchema(_LEVEL_SCHEMA)]
Levels = Annotated[list[float], PlainValidator(_levels), WithJsonSchema({"type": "array", "items": _LEVEL_SCHEMA})]
