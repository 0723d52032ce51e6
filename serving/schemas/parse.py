"""Bodies and options become requests here; what is wrong with them becomes a short list of fields and remedies."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from mutualist.errors import InputError

MAX_ERRORS = 5  # that one answer lists
Model = TypeVar("Model", bound=BaseModel)


class InvalidRequest(InputError):
    """A request that does not have the form it must have.

    Attributes:
        fields: (field, message) of what is wrong, not more than MAX_ERRORS.
    """

    def __init__(self, fields: list[tuple[str, str]]) -> None:
        super().__init__(fields)
        self.fields = fields[:MAX_ERRORS]

    def __str__(self) -> str:
        return "; ".join(f"{field}: {message}" if field else message for field, message in self.fields)


def parse_json(model: type[Model], body: bytes) -> Model:
    """The request that the bytes of a body hold; raises InvalidRequest.

    Not left to the framework: pydantic's own parser bounds the depth of nesting, and this can run in another process.
    """
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise _invalid(error) from None


def check_quantiles(asked: Sequence[float], most: int) -> None:
    """Raises InputError if more than `most` levels are asked for."""
    if len(asked) > most:
        raise InputError(f"{len(asked)} quantiles are asked for and the limit is {most}; ask for fewer")


def parse_options(model: type[Model], options: Mapping[str, Any]) -> Model:
    """The request that these options make; raises InvalidRequest."""
    try:
        return model.model_validate(dict(options))
    except ValidationError as error:
        raise _invalid(error) from None


def _invalid(error: ValidationError) -> InvalidRequest:
    errors = error.errors(include_url=False, include_context=False, include_input=False)
    return InvalidRequest([_field(e) for e in errors[:MAX_ERRORS]])


def _field(error: Mapping[str, Any]) -> tuple[str, str]:
    field = ".".join(str(part)[:60] for part in error["loc"])
    message = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "json_invalid":
        message = f"{message}; send a JSON object, numbers without NaN or Infinity"
    elif error["type"] == "missing":
        message = "this field is missing"
    return field, message
