"""The meta-distribution as configuration: one YAML file, of which every key is known.

    seed, shard_records
    splits:  {train: {records: …}, …}
    parts:   each with a weight, laws of n and of the dimensions, components (families), transforms

A part is a mixture of its own with its own ranges; a record draws a part, a component, its shape and its transforms.
"""

from difflib import get_close_matches
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PositiveInt,
    SerializerFunctionWrapHandler,
    ValidationError,
    field_validator,
    model_serializer,
    model_validator,
)

from mutualist.datagen.manifest import config_digest
from mutualist.datagen.schema import SPLITS
from mutualist.errors import ConfigError

Probability = Field(ge=0, le=1)


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Range(Model):
    """Integers from low to high, both included."""

    low: PositiveInt
    high: PositiveInt
    law: Literal["uniform", "log-uniform"] = "log-uniform"
    weight: float = Field(default=1.0, ge=0)

    @model_validator(mode="after")
    def _ordered(self) -> "Range":
        if self.low > self.high:
            raise ValueError(f"low ({self.low}) is above high ({self.high})")
        return self


class Shape(Model):
    """A law of (dx, dy); `dy: equal` takes dx again."""

    dx: Range
    dy: Range | Literal["equal"]
    weight: float = Field(default=1.0, ge=0)

    @field_validator("dx", "dy", mode="before")
    @classmethod
    def _number(cls, value: Any) -> Any:
        return {"low": value, "high": value} if isinstance(value, int) else value


class MIRange(Model):
    """MI in nats, low included and high not."""

    low: float = Field(ge=0)
    high: float
    weight: float = Field(default=1.0, ge=0)

    @model_validator(mode="after")
    def _ordered(self) -> "MIRange":
        if not self.low < self.high < float("inf"):
            raise ValueError(f"low ({self.low}) must be below high ({self.high}), and high finite")
        return self


class Step(Model):
    """A transform, applied with a probability."""

    name: str
    probability: float = Probability
    options: dict[str, Any] = {}


class Component(Model):
    """A family with options. `n`, `dims` and `transforms` replace those of the part where given."""

    family: str
    options: dict[str, Any] = {}
    weight: float = Field(default=1.0, ge=0)
    n: tuple[Range, ...] | None = None
    dims: tuple[Shape, ...] | None = None
    transforms: tuple[Step, ...] | None = None


class Part(Model):
    """A mixture of components.

    independent: probability that X and Y are drawn apart (MI exactly 0).
    widen: probability that a record takes fewer columns from its family than its shape asks for, where it could
        have taken all; the other columns are filled as where the family cannot supply them.
    narrow: probability that a family supplies as few columns as it can, whatever the shape asks for, and so does each
        that `concatenate` puts beside it: many small blocks.
    concatenate: probability, again after each, that columns left over on both sides take a further joint distribution
        of the part beside the first; what is left in the end is filled by columns that add nothing.
    swap: probability that X and Y change places.
    mi: law of the MI of those that are not independent; a range is drawn by weight, and joint distributions (component,
        shape and parameters) are drawn until one falls into it. What families one gets then depends on the law: those
        that seldom reach a range are seldom among its records. The manifest counts the draws rejected. By default
        the MI is what families and dimensions make it.
    """

    name: str
    weight: float = Field(default=1.0, ge=0)
    n: tuple[Range, ...] = Field(min_length=1)
    dims: tuple[Shape, ...] = Field(min_length=1)
    independent: float = Field(default=0.0, ge=0, le=1)
    widen: float = Field(default=0.0, ge=0, le=1)
    narrow: float = Field(default=0.0, ge=0, le=1)
    concatenate: float = Field(default=0.5, ge=0, le=1)
    swap: float = Field(default=0.0, ge=0, le=1)
    components: tuple[Component, ...] = Field(min_length=1)
    transforms: tuple[Step, ...] = ()
    mi: tuple[MIRange, ...] | None = Field(default=None, min_length=1)

    @model_serializer(mode="wrap")
    def _without_what_is_absent(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A part without a law of MI, or narrow blocks, is written as before there were any: its digest stays."""
        values: dict[str, Any] = handler(self)
        for key, absent in (("mi", None), ("narrow", 0.0)):
            if values.get(key) == absent:
                values.pop(key, None)
        return values


class Split(Model):
    """`parts`: names of the parts it draws from; all those with a weight by default."""

    records: int = Field(ge=0)
    parts: tuple[str, ...] | None = None


class DatasetConfig(Model):
    seed: int = Field(ge=0, lt=2**63)
    shard_records: PositiveInt = 1000
    splits: dict[str, Split]
    parts: tuple[Part, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names(self) -> "DatasetConfig":
        if unknown := set(self.splits) - set(SPLITS):
            raise ValueError(f"unknown splits {sorted(unknown)}; a meta-dataset has {', '.join(SPLITS)}")
        names = [part.name for part in self.parts]
        if len(set(names)) < len(names):
            raise ValueError(f"parts must have different names, got {names}")
        for split, settings in self.splits.items():
            if unknown := set(settings.parts or ()) - set(names):
                raise ValueError(f"split {split!r} draws from unknown parts {sorted(unknown)}; known: {names}")
        named = [settings.parts for settings in self.splits.values()]
        drawn = {name for parts in named for name in parts or names}
        if idle := [part.name for part in self.parts if named and part.weight and part.name not in drawn]:
            raise ValueError(f"no split draws from the parts {idle}; name them in the parts of one, or remove them")
        return self

    def shards(self, split: str) -> list[int]:
        """Number of records in each shard of a split."""
        records = self.splits[split].records
        full, rest = divmod(records, self.shard_records)
        return [self.shard_records] * full + ([rest] if rest else [])

    def digest(self) -> str:
        """SHA-256 of the whole configuration in a canonical form: two directories with the same one are the same."""
        return config_digest(self.model_dump(mode="json"))


def parse_config(values: Any, source: str = "the configuration") -> DatasetConfig:
    """Checks plain values (from YAML or JSON).

    Raises:
        ConfigError: an unknown key, a missing one or an impossible value; the message names each and where it is.
    """
    if not isinstance(values, dict):
        raise ConfigError(f"{source} must be a mapping with seed, splits and parts, not {type(values).__name__}")
    try:
        return DatasetConfig.model_validate(values)
    except ValidationError as error:
        lines = [f"  {'.'.join(str(p) for p in e['loc']) or '(top)'}: {_said(e)}" for e in error.errors()]
        raise ConfigError(f"{source} cannot be used:\n" + "\n".join(lines)) from error


def _said(error: Any) -> str:
    """What one of pydantic's errors says, in the words of a configuration."""
    if error["type"] != "extra_forbidden":
        return str(error["msg"])
    known = {key for model in Model.__subclasses__() for key in model.model_fields}
    near = get_close_matches(str(error["loc"][-1]), known, 1)
    return "unknown key; " + (f"did you mean {near[0]!r}?" if near else "remove it")


def config_names() -> list[str]:
    """Names of the configurations that come with the package."""
    folder = resources.files("mutualist.datagen") / "configs"
    return sorted(f.name.removesuffix(".yaml") for f in folder.iterdir() if f.name.endswith(".yaml"))


def load_config(name_or_path: str | Path) -> DatasetConfig:
    """A configuration by the name of a packaged one (`tiny`, `cpu`, `full`) or by the path of a YAML file.

    Paths of fitted flows are relative to the file's folder, and pinned by digest (`flows.paths.pin_flows`).

    Raises:
        ConfigError: no such configuration, not YAML, or see `parse_config`.
    """
    text, source = _read(str(name_or_path))
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{source} is not YAML: {error}") from error
    # The families take a while to import, and reading configurations is all that some callers want.
    from mutualist.datagen.flows.paths import pin_flows

    return pin_flows(parse_config(values, source), Path(name_or_path).absolute().parent)


def _read(name: str) -> tuple[str, str]:
    if name in config_names():
        return (resources.files("mutualist.datagen") / "configs" / f"{name}.yaml").read_text(
            "utf-8"
        ), f"config {name!r}"
    path = Path(name)
    if not path.is_file():
        raise ConfigError(f"no configuration {name!r}: give a YAML file, or one of {', '.join(config_names())}")
    return path.read_text("utf-8"), str(path)
