"""The app: a factory that joins the parts, and what happens when it starts and stops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from ossamma.export.manifest import own_version
from ossamma.serving import page, routes, status, streaming
from ossamma.serving.access import KeyRing
from ossamma.serving.failures import add_failures
from ossamma.serving.guard import Guard
from ossamma.serving.lanes import Lanes
from ossamma.serving.loading import LoadedModel, load_model
from ossamma.serving.models import Models
from ossamma.serving.monitoring import Metrics
from ossamma.serving.service import Service
from ossamma.serving.settings import ServerSettings
from ossamma.serving.tracing import NoTracer, Tracer

_DESCRIPTION = """Named entities of texts, over HTTP.

Offsets count Unicode code points. Texts of any length are read whole; nothing is truncated.
Errors have one form: `{"error", "detail", "fields", "request_id"}`."""


def create_app(
    bundles: Mapping[str, Path],
    settings: ServerSettings | None = None,
    *,
    keys: KeyRing | None = None,
    loader: Callable[[Path], LoadedModel] = load_model,
    tracer: Tracer | None = None,
) -> FastAPI:
    """Return the app; models are loaded when it starts, beside the first requests.

    Args:
        bundles: folders by the names that requests use; the first is the default.
        settings: limits.
        keys: who may use it; None is everyone who can reach it.
        loader: from a folder to a model.
        tracer: opens spans; none unless given.
    """
    chosen = settings or ServerSettings()
    metrics = Metrics()
    lanes = Lanes.open()
    models = Models(bundles, loader, lanes=lanes, settings=chosen.batcher, observer=metrics)
    service = Service(
        settings=chosen,
        models=models,
        lanes=lanes,
        metrics=metrics,
        tracer=tracer or NoTracer(),
        keys=keys,
    )
    metrics.watch(models, service.drift)
    app = FastAPI(
        title="OSSAMMA-NER",
        version=own_version(),
        description=_DESCRIPTION,
        lifespan=_lifespan,
        docs_url=None,  # they load scripts from elsewhere
        redoc_url=None,
    )
    app.state.service = service
    for router in (routes.router, streaming.router, status.router, page.router):
        app.include_router(router)
    add_failures(app)
    if chosen.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=chosen.cors_origins,
            allow_methods=["GET", "POST"],
            allow_headers=["content-type", "authorization", "x-api-key", "x-request-id"],
            expose_headers=["x-request-id", "retry-after"],
        )
    app.add_middleware(Guard, service=service)  # the last is the outermost
    return app


async def load_all(service: Service) -> None:
    """Load every model and count how it went."""
    for name, fault in (await service.models.reload()).items():
        service.metrics.reloaded(name, is_ok=not fault)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    service: Service = app.state.service
    loading = asyncio.create_task(load_all(service))
    app.state.loading = loading
    try:
        yield
    finally:
        await asyncio.gather(loading, return_exceptions=True)
        await service.models.close()
        service.lanes.close()
