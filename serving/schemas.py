"""What requests and answers look like; the OpenAPI document is made from these classes."""

import sys
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, PlainValidator, WithJsonSchema, model_validator

Array = NDArray[np.float64]

_SAMPLE_SCHEMA: dict[str, Any] = {
    "description": "One number a row, or one list of numbers a row (all of the same length). Finite numbers.",
    "anyOf": [
        {"type": "array", "minItems": 4, "items": {"type": "number"}},
        {"type": "array", "minItems": 4, "items": {"type": "array", "minItems": 1, "items": {"type": "number"}}},
    ],
}


def _kind(value: Any) -> str:
    """What a JSON value is, in the words of JSON and without its content."""
    kinds = {str: "a string", bool: "a boolean", type(None): "null", list: "a list", dict: "an object"}
    return kinds.get(type(value), "a number")


def _numbers(values: list[Any], where: str) -> Array:
    """A list of JSON numbers as float64; `where` names the list in messages."""
    remedy = "send a finite number, or leave the row out of x and of y"
    if not set(map(type, values)) <= {int, float}:
        i, bad = next((i, v) for i, v in enumerate(values) if type(v) not in (int, float))
        raise ValueError(f"{where}[{i}] is {_kind(bad)}; {remedy}")
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
        raise ValueError(f"this is {_kind(value)}; send a list of numbers, or a list of rows that are lists of numbers")
    if not value:
        raise ValueError("this list is empty; send one entry a row")
    if not isinstance(value[0], list):
        for i, row in enumerate(value):
            if isinstance(row, list):
                raise ValueError(f"row [{i}] is a list, but row [0] is {_kind(value[0])}; use one form for all rows")
        return _numbers(value, "row ")
    width = len(value[0])
    if width == 0:
        raise ValueError("row [0] is empty; a row needs at least 1 number")
    for i, row in enumerate(value):
        if not isinstance(row, list):
            raise ValueError(f"row [{i}] is {_kind(row)}, but row [0] is a list; use one form for all rows")
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
        raise ValueError(f"this is {_kind(value)}; send a number strictly between 0 and 1")
    if not 0 < value < 1:
        raise ValueError("this is not strictly between 0 and 1; send a number such as 0.9")
    return float(value)


def _levels(value: Any) -> list[float]:
    if not isinstance(value, list):
        raise ValueError(f"this is {_kind(value)}; send a list of numbers strictly between 0 and 1")
    return [_level(item) for item in value]  # the first mistake ends it: a long list must not make a long answer


Sample = Annotated[Any, PlainValidator(_sample), WithJsonSchema(_SAMPLE_SCHEMA)]
_LEVEL_SCHEMA: dict[str, Any] = {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}
Level = Annotated[float, PlainValidator(_level), WithJsonSchema(_LEVEL_SCHEMA)]
Levels = Annotated[list[float], PlainValidator(_levels), WithJsonSchema({"type": "array", "items": _LEVEL_SCHEMA})]

_X = [0.2, 1.1, -0.7, 2.3, 0.5, -1.4, 0.9, 1.8, -0.3, -2.1, 0.1, 1.5, -0.9, 0.7, -1.2, 2.0, 0.4, -0.5, 1.3, -1.7]
_Y = [0.4, 0.8, -0.9, 1.9, 0.1, -1.1, 1.3, 1.2, 0.3, -2.4, -0.5, 1.9, -0.4, 0.2, -1.6, 2.2, 0.9, -0.1, 0.6, -1.3]
REQUEST_EXAMPLES: dict[str, dict[str, Any]] = {
    "one column each": {
        "summary": "One column each: 20 rows",
        "value": {"x": _X, "y": _Y},
    },
    "two columns against one": {
        "summary": "Two columns against one, in bits, with a 50% interval",
        "value": {
            "x": [[a, b] for a, b in zip(_X, _X[::-1], strict=True)],
            "y": _Y,
            "level": 0.5,
            "unit": "bits",
            "quantiles": [0.25, 0.5, 0.75],
        },
    },
}


class EstimateRequest(BaseModel):
    """A sample of two variables, row by row."""

    model_config = ConfigDict(extra="forbid")

    x: Sample
    y: Sample
    level: Level = Field(0.9, description="Probability of the central interval.")
    unit: Literal["nats", "bits"] = Field("nats", description="Unit of the answer.")
    quantiles: Levels = Field([0.05, 0.5, 0.95], description="Levels of the quantiles to answer with.")

    @model_validator(mode="before")
    @classmethod
    def _known_fields(cls, data: Any) -> Any:
        # Before pydantic's own check, which would list a million unknown fields one by one.
        if not isinstance(data, dict):
            raise ValueError('the body must be a JSON object such as {"x": [1, 2, 3], "y": [1, 3, 2]}')
        for name in data:
            if name not in cls.model_fields:
                raise ValueError(f"there is no field {name[:40]!r}; the fields are {', '.join(cls.model_fields)}")
        return data


class Interval(BaseModel):
    """The central interval."""

    level: float
    low: float
    high: float


class Quantile(BaseModel):
    """The value that the mutual information stays below with probability `level`."""

    level: float
    value: float


class ModelName(BaseModel):
    """Which weights made the answer."""

    name: str
    version: str


class EstimateResponse(BaseModel):
    """The estimated mutual information of x and y."""

    mi: float = Field(description="The estimate: the median.")
    unit: Literal["nats", "bits"]
    interval: Interval
    quantiles: list[Quantile]
    n: int = Field(description="Number of rows.")
    dx: int = Field(description="Number of columns of x.")
    dy: int = Field(description="Number of columns of y.")
    warnings: list[str] = Field(description="What a reader of the numbers should know.")
    model: ModelName


class ModelResponse(BaseModel):
    """The weights: what they were trained on, and how well they do."""

    name: str
    version: str
    meta_distribution: dict[str, Any] = Field(description="Ranges and families of the training data.")
    metrics: dict[str, Any] = Field(description="Accuracy and coverage measured at export.")
    versions: dict[str, Any] = Field(description="Versions of the libraries that made the export.")
    limits: dict[str, int] = Field(description="Limits of this service for one request.")


class Health(BaseModel):
    """The service answers."""

    status: Literal["ok"]


class Problem(BaseModel):
    """What is wrong with a request, and what to change (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str = Field(description="What came, what was expected, what to do.")
    errors: list["FieldError"] = Field(default=[], description="One entry for each field that is wrong.")


class FieldError(BaseModel):
    """A field of the request body that cannot be used."""

    field: str
    message: str
