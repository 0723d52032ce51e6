"""The FastAPI application: estimates over HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio.to_thread
from fastapi import FastAPI
from fastapi.routing import APIRoute

import mutualist
from mutualist import factory
from mutualist.serving.http.keys import read_keys
from mutualist.serving.http.problems import answer_errors_as_problems
from mutualist.serving.http.watch import Watch
from mutualist.serving.routes import about, documents, estimates, jobs, tables
from mutualist.serving.service import Service
from mutualist.serving.settings import Settings
from mutualist.serving.static import add_page


def create_app(
    settings: Settings | None = None, estimator: factory.Estimator | None = None, rates_file: Path | None = None
) -> FastAPI:
    """The service.

    Args:
        settings: of the service; None takes those of the environment.
        estimator: answers the requests; None loads the weights that the settings name when the service starts.
        rates_file: where worker processes count requests together; None counts in this process.

    Raises:
        ConfigError: the file of API keys cannot be used.
        WeightsError: at start, if the weights cannot be read.
    """
    settings = settings or Settings()
    keys = read_keys(settings.keys_file, rates_file) if settings.keys_file else None

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        found = estimator
        if found is None:
            found = await anyio.to_thread.run_sync(factory.load_estimator, settings.weights)
        service = app.state.service = await anyio.to_thread.run_sync(Service, settings, found)
        service.start()
        try:
            yield
        finally:
            await anyio.to_thread.run_sync(service.stop)
            if keys is not None:
                keys.close()

    app = FastAPI(
        title="mutualist",
        summary="Mutual information, learned: an estimate and an honest interval for any two groups of columns.",
        version=mutualist.__version__,
        lifespan=lifespan,
        docs_url=None,  # the framework's own would load scripts from another host
        redoc_url=None,
    )
    routers = [module.router for module in (estimates, tables, jobs, about)]
    answer_errors_as_problems(app, [one for router in routers for one in router.routes if isinstance(one, APIRoute)])
    for router in routers:
        app.include_router(router)
    if keys is not None:
        documents.ask_for_keys(app)
    add_page(app)
    app.add_middleware(Watch, keys=keys, log_requests=settings.log_requests)
    return app
