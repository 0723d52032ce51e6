"""What is asked: pairs of samples, columns of a table, and how the answer is to be given."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationError, WithJsonSchema, model_validator

from mutualist.result import Unit
from mutualist.serving.schemas.samples import Array, Level, Levels, Sample, kind

_NAMES_SCHEMA = {"type": "array", "minItems": 1, "items": {"type": "string"}}


def _names(value: Any) -> list[str]:
    if not isinstance(value, list) or not value:
        raise ValueError("send a list of names of columns, at least one")
    for i, name in enumerate(value):
        if not isinstance(name, str):
            raise ValueError(f"[{i}] is {kind(name)}; send names of columns")
    return value


Names = Annotated[list[str], PlainValidator(_names), WithJsonSchema(_NAMES_SCHEMA)]


class Options(BaseModel):
    """How the answer is to be given."""

    model_config = ConfigDict(extra="forbid")
    example: ClassVar[str] = '{"x": [1, 2, 3, 4], "y": [1, 3, 2, 4]}'

    level: Level = Field(0.9, description="Probability of the central interval.")
    unit: Unit = Field("nats", description="Unit of the answer.")
    quantiles: Levels = Field([0.05, 0.5, 0.95], description="Levels of the quantiles to answer with.")

    @model_validator(mode="before")
    @classmethod
    def _known_fields(cls, data: Any) -> Any:
        # Before pydantic's own check, which would list a million unknown fields one by one.
        if not isinstance(data, dict):
            raise ValueError(f"the body must be a JSON object such as {cls.example}")
        for name in data:
            if name not in cls.model_fields:
                own = [field for field in cls.model_fields if field not in Options.model_fields]
                fields = ", ".join([*own, *Options.model_fields])
                raise ValueError(f"there is no field {name[:40]!r}; the fields are {fields}")
        return data


class EstimateRequest(Options):
    """A sample of two variables, row by row."""

    x: Sample
    y: Sample

    def pairs_of_samples(self) -> list[tuple[Array, Array]]:
        """The one pair."""
        return [(self.x, self.y)]


class Pair(BaseModel):
    """A sample of two variables, row by row."""

    model_config = ConfigDict(extra="forbid")

    x: Sample
    y: Sample


def _pairs(value: Any) -> list[Pair]:
    """Pairs, up to the first mistake: a long list must not make a long answer."""
    if not isinstance(value, list) or not value:
        raise ValueError('send a list of pairs such as {"x": [..], "y": [..]}')
    made = []
    for i, item in enumerate(value):
        if not isinstance(item, dict) or set(item) != {"x", "y"}:
            raise ValueError(f"[{i}] is not an object with x and y alone; the options stand beside pairs")
        try:
            made.append(Pair.model_validate(item))
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise ValueError(f"[{i}].{where}: {first['msg'].removeprefix('Value error, ')}") from None
    return made


_PAIRS_SCHEMA = {
    "type": "array",
    "minItems": 1,
    "items": {
        "type": "object",
        "properties": {side: EstimateRequest.model_json_schema()["properties"][side] for side in ("x", "y")},
        "required": ["x", "y"],
        "additionalProperties": False,
    },
}


class BatchRequest(Options):
    """Samples of pairs of variables, of any shapes."""

    example: ClassVar[str] = '{"pairs": [{"x": [1, 2, 3, 4], "y": [1, 3, 2, 4]}]}'

    pairs: Annotated[list[Pair], PlainValidator(_pairs), WithJsonSchema(_PAIRS_SCHEMA)]

    def pairs_of_samples(self) -> list[tuple[Array, Array]]:
        """The pairs in the order given."""
        return [(pair.x, pair.y) for pair in self.pairs]


class TableOptions(Options):
    """How a table is to be used; its columns come beside these fields, or in a body of their own."""

    example: ClassVar[str] = '{"columns": {"a": [1, 2, 3, 4], "b": [1, 3, 2, 4]}}'

    nan_policy: Literal["raise", "omit"] = Field(
        "raise", description="omit leaves out rows with a missing or infinite value in a column that is used."
    )


class PairwiseOptions(TableOptions):
    """How the columns of a table are to be paired."""

    quantiles: Levels = Field([], description="Levels of further quantiles; each adds a matrix to the answer.")


class SidesOptions(TableOptions):
    """Which columns of a table are X, and which are Y."""

    x: Names = Field(description="Names of the columns of X.")
    y: Names = Field(description="Names of the columns of Y.")
