"""Reads the body of a request within its limits of size and time."""

import asyncio

from starlette.requests import ClientDisconnect, Request

from mutualist.serving.http.problems import Refusal
from mutualist.serving.settings import Settings


async def read_body(request: Request, settings: Settings) -> bytes:
    """The body; Refusal as soon as it is known to be too large (413), to come too slowly (408), or compressed (415)."""
    most = settings.max_body_bytes
    too_large = Refusal(413, f"the body has more than {most:,} bytes; send fewer rows or columns, or fewer digits")
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > most:
        raise too_large
    if request.headers.get("content-encoding", "identity") != "identity":
        raise Refusal(415, "the body has a Content-Encoding; send it as it is, or a Parquet file, which is compressed")
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(settings.body_seconds):
            async for part in request.stream():
                size += len(part)
                if size > most:
                    raise too_large
                parts.append(part)
    except TimeoutError:
        raise Refusal(
            408, f"the body did not arrive within {settings.body_seconds:g} s; send it again, or in parts"
        ) from None
    except ClientDisconnect:
        raise Refusal(400, "the connection ended before the body did") from None
    return b"".join(parts)


def media_type(request: Request) -> str:
    """The Content-Type without its parameters; JSON if none was sent."""
    return request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
