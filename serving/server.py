"""Runs the application under uvicorn, in one process or in several."""

import logging.config
import os
import signal
import socket
import tempfile
import threading
import time
from multiprocessing.connection import wait
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from uvicorn.supervisors import Multiprocess

from mutualist.errors import ConfigError, InputError
from mutualist.serving.app import create_app
from mutualist.serving.http import logs
from mutualist.serving.http.keys import read_keys
from mutualist.serving.settings import PREFIX, Settings

RESOLVED = PREFIX + "RESOLVED"  # how the settings reach a worker process
SHARED = PREFIX + "SHARED"  # and the folder that workers share
RATES = "rates"


def serve(settings: Settings) -> None:
    """Answers requests until it is told to stop; prints the address once connections are accepted.

    Raises:
        ConfigError: the keys file cannot be used.
        InputError: the address cannot be listened on.
        WeightsError: the weights cannot be read.
    """
    logging.config.dictConfig(logs.config(settings.log_level))
    if settings.keys_file:
        read_keys(settings.keys_file).close()
    listener = _listen(settings.host, settings.port)
    with listener:
        shown = f"[{settings.host}]" if ":" in settings.host else settings.host
        address = f"http://{shown}:{listener.getsockname()[1]}"
        started = f"mutualist listens on {address} (a page for people; documentation: {address}/docs). Ctrl+C stops it."
        if settings.workers == 1:
            app = _loaded(settings)
            print(started, flush=True)
            uvicorn.Server(_config(settings, app)).run(sockets=[listener])
            return
        with tempfile.TemporaryDirectory(prefix="mutualist-") as folder:
            os.environ |= {RESOLVED: settings.model_dump_json(), SHARED: folder, "PROMETHEUS_MULTIPROC_DIR": folder}
            if settings.keys_file:
                read_keys(settings.keys_file, Path(folder, RATES)).close()  # makes the file before two workers do
            print(started, flush=True)
            config = _config(settings, "mutualist.serving.server:worker")
            Supervisor(config, [listener]).run()


class Supervisor(Multiprocess):
    """Replaces a killed worker at once: uvicorn's own may wait a minute for it to say that it lives."""

    def __init__(self, config: uvicorn.Config, sockets: list[socket.socket]) -> None:
        super().__init__(config, sockets)
        signal.signal(signal.SIGCHLD, self.hang_up)

    def hang_up(self, *_: object) -> None:
        """Ends the waiting for an answer of workers that have ended."""
        for one in self.processes:
            if wait([one.process.sentinel], 0):
                one.child_conn.close()


def worker() -> FastAPI:
    """The application of a worker process, which `serve` has started."""
    try:
        settings, folder = os.environ[RESOLVED], os.environ[SHARED]
    except KeyError as error:
        raise ConfigError(f"{error} is not set; start worker processes with `mutualist serve --workers N`") from None
    threading.Thread(target=_end_with, args=(os.getppid(),), name="parent", daemon=True).start()
    return _loaded(Settings.model_validate_json(settings), Path(folder, RATES))


def _end_with(parent: int) -> None:
    """Stops this process, as a signal would, once its parent is gone: nobody else could."""
    while os.getppid() == parent:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)


def _loaded(settings: Settings, rates: Path | None = None) -> FastAPI:
    """The application with its weights, read before the first connection is taken."""
    import torch

    from mutualist import factory

    torch.set_num_threads(settings.threads)
    return create_app(settings, factory.load_estimator(settings.weights), rates)


def _config(settings: Settings, app: FastAPI | str) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        factory=isinstance(app, str),
        workers=settings.workers,
        log_config=logs.config(settings.log_level),
        log_level=settings.log_level,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # nothing here depends on the address of the caller
        timeout_graceful_shutdown=settings.stop_seconds,
        timeout_worker_healthcheck=60,
    )


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
