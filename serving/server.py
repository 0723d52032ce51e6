"""Runs the application under uvicorn."""

import copy
import socket
from typing import Any

import uvicorn
from uvicorn.config import LOG_LEVELS, LOGGING_CONFIG

from mutualist.errors import InputError
from mutualist.factory import Estimator
from mutualist.serving.app import create_app
from mutualist.serving.limits import Limits

__all__ = ["Limits", "serve"]


def serve(estimator: Estimator, limits: Limits, host: str, port: int, log_level: str = "info") -> None:
    """Answers requests until it is interrupted; prints the address once connections are accepted.

    Args:
        estimator: answers the requests.
        limits: what one request may ask for.
        host: address to listen on.
        port: port to listen on; 0 takes a free one.
        log_level: level of the log, which goes to stderr.

    Raises:
        InputError: the address cannot be listened on, or the log level is unknown.
    """
    if log_level not in LOG_LEVELS:
        raise InputError(f"unknown log level {log_level!r}; use one of: {', '.join(LOG_LEVELS)}")
    app = create_app(estimator, limits)
    listener = _listen(host, port)
    with listener:
        shown = f"[{host}]" if ":" in host else host
        address = f"http://{shown}:{listener.getsockname()[1]}"
        print(f"mutualist listens on {address} (documentation: {address}/docs). Ctrl+C stops it.", flush=True)
        config = uvicorn.Config(app, log_level=log_level, log_config=_log_config())
        uvicorn.Server(config).run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    """A socket that accepts connections already, so that nobody who reads the printed address is refused."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(2048)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise InputError(
            f"cannot listen on {host} port {port}: {error.strerror}; choose another --port, or --port 0 for a free one"
        ) from None
    return listener


def _log_config() -> dict[str, Any]:
    """uvicorn's, with requests logged to stderr as well: stdout holds the address alone."""
    config = copy.deepcopy(LOGGING_CONFIG)
    config["handlers"]["access"]["stream"] = "ext://sys.stderr"
    return config
