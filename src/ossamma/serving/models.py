"""The models of a server, by name: loaded beside the event loop, exchanged without a gap."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from ossamma.schema.errors import OssammaError, RequestError, UnavailableError
from ossamma.serving.batcher import Batcher, BatcherSettings
from ossamma.serving.lanes import Lanes
from ossamma.serving.loading import LoadedModel
from ossamma.serving.observer import Observer
from ossamma.serving.stages import Answer

_LOGGER = logging.getLogger(__name__)


class State(StrEnum):
    """Whether a model can be asked."""

    LOADING = "loading"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A loaded model at work."""

    name: str
    loaded: LoadedModel
    batcher: Batcher[Any]


@dataclass(slots=True)
class Slot:
    """The place of one name: what stands there now, and how the last attempt to load went."""

    name: str
    path: Path
    served: ServedModel | None = None
    error: str = ""

    @property
    def state(self) -> State:
        """Whether it can be asked; a failed reload leaves the model that was there."""
        if self.served is not None and self.served.batcher.is_alive:
            return State.READY
        return State.FAILED if self.error else State.LOADING


class Models:
    """Loads, exchanges and asks models. Belongs to one event loop."""

    def __init__(
        self,
        paths: Mapping[str, Path],
        loader: Callable[[Path], LoadedModel],
        *,
        lanes: Lanes,
        settings: BatcherSettings,
        observer: Observer,
    ) -> None:
        """Take the bundles by name; the first is the default. Nothing is loaded yet."""
        assert paths, "a server has a model"
        self.slots = {name: Slot(name, path) for name, path in paths.items()}
        self.default = next(iter(paths))
        self._loader = loader
        self._lanes = lanes
        self._settings = settings
        self._observer = observer
        self._reloading = asyncio.Lock()
        self._leaving: set[asyncio.Task[None]] = set()
        self._is_closing = False

    @property
    def is_ready(self) -> bool:
        """Whether every model can be asked."""
        return not self._is_closing and all(
            slot.state is State.READY for slot in self.slots.values()
        )

    @property
    def is_closing(self) -> bool:
        """Whether the server says that it is not ready because it will stop."""
        return self._is_closing

    def stop_accepting(self) -> None:
        """Say from now on that the server is not ready; requests are still answered."""
        self._is_closing = True

    def slot(self, name: str | None) -> Slot:
        """Return the slot of a name; None is the default.

        Raises:
            RequestError: there is no such model.
        """
        chosen = self.default if name is None else name
        if chosen not in self.slots:
            raise RequestError(
                f"expected one of {', '.join(self.slots)}, got another name", field="model"
            )
        return self.slots[chosen]

    def get(self, name: str | None = None) -> ServedModel:
        """Return the model of this name.

        Raises:
            RequestError: there is no such model.
            UnavailableError: it is not loaded.
        """
        slot = self.slot(name)
        if slot.served is None:
            raise UnavailableError(f"the model {slot.name!r} is {slot.state}; try again later")
        return slot.served

    async def recognise(
        self, model: ServedModel, texts: Sequence[str], *, within: float
    ) -> tuple[ServedModel, list[Answer]]:
        """Ask a model, or the one that took its place meanwhile; return who answered, and what."""
        try:
            return model, await model.batcher.submit(texts, within=within)
        except UnavailableError:
            successor = self.slots[model.name].served
            if successor is None or successor is model:
                raise
            return successor, await successor.batcher.submit(texts, within=within)

    async def reload(self, names: Sequence[str] | None = None) -> dict[str, str]:
        """Load models anew, one after the other; return the fault of each, empty if it is served.

        A new model takes over at once; what the old one accepted, it answers. A model that cannot
        be loaded leaves the old one where it is.
        """
        async with self._reloading:
            return {name: await self._load(self.slots[name]) for name in names or self.slots}

    async def _load(self, slot: Slot) -> str:
        try:
            # Not in a lane: the old model goes on working.
            loaded = await asyncio.to_thread(self._loader, slot.path)
        except (OssammaError, OSError) as error:
            slot.error = str(error)
            _LOGGER.error("model %s cannot be loaded: %s", slot.name, error)  # noqa: TRY400  no trace: the file is at fault
            return slot.error
        batcher = Batcher(loaded.stages, self._settings, lanes=self._lanes, observer=self._observer)
        batcher.start()
        old, slot.served, slot.error = slot.served, ServedModel(slot.name, loaded, batcher), ""
        _LOGGER.info("model %s is served: %s", slot.name, loaded.checksum)
        if old is not None:
            task = asyncio.create_task(old.batcher.close())
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)
        return ""

    async def close(self) -> None:
        """Answer what was accepted, and stop."""
        self.stop_accepting()
        async with self._reloading:
            served = [slot.served for slot in self.slots.values() if slot.served is not None]
            await asyncio.gather(*(each.batcher.close() for each in served), *self._leaving)
