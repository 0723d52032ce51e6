"""The log: one JSON object a line on stderr, each with the id of the request it belongs to."""

import logging
import logging.config
from typing import Any

from pythonjsonlogger.json import JsonFormatter

from mutualist.serving.http.identity import key_name, request_id

log = logging.getLogger("mutualist.serving")


class Formatter(JsonFormatter):
    """Adds the request's id and the name of its key."""

    def __init__(self) -> None:
        super().__init__(
            "{levelname}{name}{message}",
            style="{",
            rename_fields={"levelname": "level", "name": "logger"},
            timestamp="time",
        )

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        """The record, with what is known of its request."""
        log_data.pop("color_message", None)  # uvicorn's, for terminals
        for name, value in (("request_id", request_id.get()), ("key", key_name.get())):
            if value is not None:
                log_data.setdefault(name, value)
        return log_data


def config(level: str) -> dict[str, Any]:
    """For `logging.config.dictConfig`, and for uvicorn."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": "mutualist.serving.http.logs.Formatter"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stderr"}},
        "loggers": {
            name: {"handlers": ["stderr"], "level": level.upper(), "propagate": False}
            for name in ("mutualist.serving", "uvicorn", "distributed")
        },
    }
