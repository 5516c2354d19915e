"""A server for tests: the real app around fake models, asked without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from ossamma.inference.calibration import Calibration, Temperature, ThresholdPolicy, Thresholds
from ossamma.serving.app import create_app
from ossamma.serving.loading import LoadedModel
from ossamma.serving.settings import ServerSettings
from tests.serving.fakes import FakeStages

BUNDLE = {"default": Path("bundle")}
METADATA = {
    "model_type": "OssammaNER",
    "version": "0.1.0",
    "checksum": "c" * 64,
    "profile": "native",
    "num_labels": 3,
    "val_f1": 0.5,
    "exported_at": "2026-11-22T00:00:00+00:00",
}
CALIBRATION = Calibration(overall=Temperature(), thresholds={ThresholdPolicy.F1: Thresholds(0.6)})


def fake_model(stages: FakeStages | None = None, **facts: Any) -> LoadedModel:
    """A loaded model around a fake recogniser."""
    return LoadedModel(
        **{"stages": stages or FakeStages(), "types": ("NAME", "PLACE"), "metadata": METADATA}
        | facts
    )


class Server:
    """The app, a client that speaks to it, and the model behind it."""

    def __init__(self, app, client: httpx.AsyncClient, stages: FakeStages) -> None:
        self.app = app
        self.client = client
        self.stages = stages
        self.service = app.state.service

    async def post(self, path: str, content: Any, **options: Any) -> httpx.Response:
        """Post JSON."""
        return await self.client.post(path, json=content, **options)

    async def metric(self, name: str) -> float:
        """The value of a series, written as on the page of metrics; 0 if there is none."""
        page = (await self.client.get("/metrics")).text
        found = [line for line in page.splitlines() if line.rpartition(" ")[0] == name]
        return float(found[0].rpartition(" ")[2]) if found else 0.0


@asynccontextmanager
async def serving(
    settings: ServerSettings | None = None,
    loader: Callable[[Path], LoadedModel] | None = None,
    bundles: dict[str, Path] | None = None,
    **options: Any,
) -> AsyncIterator[Server]:
    """Start the app and wait until its models are loaded, or have failed."""
    stages = FakeStages()
    app = create_app(
        bundles or BUNDLE, settings, loader=loader or (lambda _: fake_model(stages)), **options
    )
    async with app.router.lifespan_context(app):
        await app.state.loading
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
            try:
                yield Server(app, client, stages)
            finally:
                stages.gate.set()


def run(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a story to its end."""
    asyncio.run(story())
