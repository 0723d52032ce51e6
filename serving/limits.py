"""What one request may ask for."""

from dataclasses import dataclass

from starlette.requests import Request

from mutualist.errors import ConfigError, InputError
from mutualist.serving.schemas import Array, EstimateRequest


class BodyTooLarge(InputError):
    """The body of a request has more bytes than the service takes."""


@dataclass(frozen=True)
class Limits:
    """Limits of one request; the defaults keep an answer within seconds on two cores.

    Attributes:
        max_rows: rows of x and y.
        max_columns: columns of x, and of y.
        max_quantiles: quantile levels.
        max_body_bytes: bytes of the request body.

    Raises:
        ConfigError: a limit below what one estimate needs.
    """

    max_rows: int = 50_000
    max_columns: int = 128
    max_quantiles: int = 99
    max_body_bytes: int = 16 * 2**20

    def __post_init__(self) -> None:
        for name, least in (("max_rows", 2), ("max_columns", 1), ("max_quantiles", 1), ("max_body_bytes", 64)):
            if getattr(self, name) < least:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be at least {least}")

    def check(self, request: EstimateRequest) -> None:
        """Raises InputError if the request is larger than these limits."""
        for name, sample in (("x", request.x), ("y", request.y)):
            self._check_sample(name, sample)
        if len(request.quantiles) > self.max_quantiles:
            raise InputError(
                f"{len(request.quantiles)} quantiles are asked for and the limit is {self.max_quantiles}; ask for fewer"
            )

    def _check_sample(self, name: str, sample: Array) -> None:
        rows, columns = len(sample), sample.shape[1] if sample.ndim == 2 else 1
        if rows > self.max_rows:
            raise InputError(
                f"{name} has {rows:,} rows and the limit is {self.max_rows:,}; send a random part of the rows"
            )
        if columns > self.max_columns:
            raise InputError(
                f"{name} has {columns:,} columns and the limit is {self.max_columns:,}; send fewer columns"
            )


async def read_body(request: Request, most: int) -> bytes:
    """The body of a request; BodyTooLarge as soon as it is known to have more than `most` bytes."""
    declared = request.headers.get("content-length", "")
    too_large = BodyTooLarge(f"the body has more than {most:,} bytes; send fewer rows or columns, or fewer digits")
    if declared.isdecimal() and int(declared) > most:
        raise too_large
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise too_large
        parts.append(part)
    return b"".join(parts)
