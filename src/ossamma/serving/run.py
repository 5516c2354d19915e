"""Running the app under uvicorn: signals, draining, loading anew, and an honest exit."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from dataclasses import dataclass
from types import FrameType

import uvicorn
from fastapi import FastAPI

from ossamma.schema.errors import ServingError
from ossamma.serving.app import load_all
from ossamma.serving.models import State
from ossamma.serving.service import Service

_LOGGER = logging.getLogger(__name__)
_POLL_SECONDS = 0.05


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """Where the server listens."""

    host: str = "127.0.0.1"
    """Only this machine, unless told otherwise."""
    port: int = 8080
    """0 takes a free one."""


def run_server(app: FastAPI, address: Address) -> None:
    """Serve until SIGTERM or SIGINT; SIGHUP loads the models anew.

    After SIGTERM the server first says that it is not ready, for as long as its settings say, then
    accepts nothing more and answers what it has accepted.

    Raises:
        ServingError: a model could not be loaded at the start, or the port is taken.
    """
    service: Service = app.state.service
    config = uvicorn.Config(
        app,
        host=address.host,
        port=address.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=int(service.settings.deadline_seconds) + 5,
        lifespan="on",
    )
    server = _Server(config, service)
    try:
        server.run()
    except SystemExit as stop:  # uvicorn's way when it cannot listen; it has said why
        raise ServingError(
            f"cannot listen on {address.host}:{address.port}; is something else there?"
        ) from stop
    if server.fault:
        raise ServingError(server.fault)


class _Server(uvicorn.Server):
    """Uvicorn's server with our way of stopping."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service
        self._tasks: list[asyncio.Task[None]] = []
        self.fault = ""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then watch for signals and for models that cannot be loaded."""
        await super().startup(sockets)
        loop = asyncio.get_running_loop()
        if hasattr(signal, "SIGHUP"):
            loop.add_signal_handler(signal.SIGHUP, self._reload)
        self._tasks.append(loop.create_task(self._watch_start()))

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Drain at the first signal; stop at once at the second."""
        del frame
        if self.should_exit or not self._service.settings.drain_seconds or sig == signal.SIGINT:
            self.force_exit = self.should_exit and sig == signal.SIGINT
            self.should_exit = True
            self._service.models.stop_accepting()
            return
        if self._service.models.is_closing:
            self.should_exit = True
            return
        self._service.models.stop_accepting()
        loop = self._tasks[0].get_loop()
        loop.call_soon_threadsafe(
            lambda: loop.call_later(self._service.settings.drain_seconds, self._stop)
        )

    def _stop(self) -> None:
        self.should_exit = True

    def _reload(self) -> None:
        self._tasks.append(asyncio.get_running_loop().create_task(load_all(self._service)))

    async def _watch_start(self) -> None:
        """A server whose model cannot be loaded is of no use: end, and say why."""
        slots = self._service.models.slots.values()
        while any(slot.state is State.LOADING for slot in slots) and not self.should_exit:
            await asyncio.sleep(_POLL_SECONDS)
        faults = [slot.error for slot in slots if slot.state is State.FAILED]
        if faults:
            self.fault = "; ".join(faults)
            self.should_exit = True
        elif not self.should_exit:
            _LOGGER.info("ready")
