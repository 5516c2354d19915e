"""What a phase is handed, what it hands back, and what can be asked of it beforehand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ossamma.pipeline.taskmaster.phases import Phase
from ossamma.pipeline.taskmaster.plan import RunPlan


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """The task of a phase."""

    plan: RunPlan
    run: Path
    """The run folder."""
    outputs: Mapping[Phase, Mapping[str, Path]]
    """What the phases before it have made, by phase and name."""
    facts: Mapping[Phase, Mapping[str, Any]]
    """What they say of themselves."""
    resume: bool = False
    """The same work was begun before and not ended."""
    say: Callable[[str], None] = lambda _: None
    """Hears of the progress."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Made:
    """What a phase has made."""

    outputs: Mapping[str, Path]
    """Files and folders, by name."""
    message: str
    """A sentence for people."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Figures, in plain JSON types."""
    refused: bool = False
    """It ended as it should, and says no."""


@dataclass(frozen=True, slots=True)
class Worker:
    """How a phase is done."""

    inputs: Callable[[Work], Mapping[str, str]]
    """Returns fingerprints of what goes in beside the outputs of earlier phases."""
    make: Callable[[Work], Made]
    """Does it. Called again after a fault, it must get over what it left."""
