"""Who and what a request is: its id, and the API key it came with."""

import re
import secrets
from contextvars import ContextVar

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
key_name: ContextVar[str | None] = ContextVar("key_name", default=None)

_GIVEN = re.compile(rb"[A-Za-z0-9._-]{1,64}")


def identify(given: bytes | None) -> str:
    """The id that the caller gave, if it is short and plain, or a new one."""
    return given.decode() if given and _GIVEN.fullmatch(given) else secrets.token_hex(8)
