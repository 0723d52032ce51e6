"""Answers as JSON, numbers in full precision."""

from typing import Any

import orjson
from starlette.responses import Response


class Json(Response):
    """JSON by orjson: numpy arrays as lists, NaN as null (the diagonal of a matrix; nothing else may be NaN)."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """The bytes of the answer."""
        return orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)
