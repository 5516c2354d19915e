"""A server that keeps what it lays out of every text: the soak test must find it."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from ossamma.cli.logs import quieten
from ossamma.serving.app import create_app
from ossamma.serving.journal import write_journal
from ossamma.serving.loading import LoadedModel, load_model
from ossamma.serving.run import Address, run_server


class KeepingStages:
    """The stages of a model, with a list that only grows."""

    def __init__(self, stages: Any) -> None:
        self._stages = stages
        self._kept: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stages, name)

    def lay_out(self, text: str) -> Any:
        """Lay out and keep."""
        self._kept.append(self._stages.lay_out(text))
        return self._kept[-1]


def load_leaking(path: Path) -> LoadedModel:
    """Load a bundle whose stages keep what they make."""
    loaded = load_model(path)
    return replace(loaded, stages=KeepingStages(loaded.stages))


def main() -> None:
    """Serve the bundle that is named, on a free port."""
    quieten()
    write_journal("info")
    app = create_app({"default": Path(sys.argv[1])}, loader=load_leaking)
    run_server(app, Address(port=0))


if __name__ == "__main__":
    main()
