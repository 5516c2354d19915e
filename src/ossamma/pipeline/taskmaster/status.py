"""How a run stands: status.json, written as a whole after every change. Needs no torch.

A phase is `running` from before its first step until it has ended, whatever happens: a run that was
killed is known by a phase that runs although its process is gone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from ossamma.pipeline.processes import is_gone
from ossamma.pipeline.run_folder import write_json
from ossamma.pipeline.taskmaster.phases import Phase, RunBackend, phases_of
from ossamma.schema.errors import CheckpointError

STATUS_FILE: Final = "status.json"
_FORMAT: Final = "ossamma-run/1"
"""For readers of other makes; ours takes what it can read."""


class PhaseState(StrEnum):
    """How a phase stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    REFUSED = "refused"
    """It ended as it should, and says no: a package without passed gates."""
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    LEFT = "left"
    """It was running when its process was killed. Never written, only read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PhaseRecord:
    """What is known of a phase."""

    state: PhaseState = PhaseState.WAITING
    inputs: Mapping[str, str] = field(default_factory=dict)
    """Fingerprints of what went in, by name."""
    outputs: Mapping[str, str] = field(default_factory=dict)
    """Paths of what came out, by name; within the run they are relative to it."""
    made: Mapping[str, str] = field(default_factory=dict)
    """Fingerprints of the outputs."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Figures for the report."""
    message: str = ""
    """What a person should know of how it ended."""
    started: str | None = None
    ended: str | None = None
    seconds: float = 0.0
    process: Mapping[str, Any] = field(default_factory=dict)
    """Who works on it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunStatus:
    """What is known of a run."""

    profile: str
    backend: RunBackend
    plan: Mapping[str, Any]
    """All options, so that a run can go on without them being said again."""
    phases: Mapping[Phase, PhaseRecord]

    def of(self, phase: Phase) -> PhaseRecord:
        """Return the record of a phase; one that was never begun waits."""
        return self.phases.get(phase, PhaseRecord())

    def seen(self, phase: Phase) -> PhaseRecord:
        """Return the record as it is now: who is killed cannot write down that he was."""
        record = self.of(phase)
        process = record.process
        if record.state is PhaseState.RUNNING and is_gone(
            process.get("host"), process.get("process")
        ):
            return replace(record, state=PhaseState.LEFT, message="its process is gone")
        return record

    def with_phase(self, phase: Phase, record: PhaseRecord) -> RunStatus:
        """Return the status with another record of a phase."""
        return replace(self, phases={**self.phases, phase: record})

    def write(self, run: Path) -> None:
        """Write it whole or not at all.

        Raises:
            OSError, DataError: it cannot be written.
        """
        rows = {phase.value: asdict(self.of(phase)) for phase in phases_of(self.backend)}
        content = {
            "format": _FORMAT,
            "profile": self.profile,
            "backend": self.backend.value,
            "plan": dict(self.plan),
            "phases": rows,
        }
        write_json(run / STATUS_FILE, content)


def read_status(run: Path) -> RunStatus | None:
    """Read how a run stands; None where none was begun.

    Raises:
        CheckpointError: the file cannot be read, or is none of ours.
    """
    path = run / STATUS_FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return RunStatus(
            profile=content["profile"],
            backend=RunBackend(content["backend"]),
            plan=content["plan"],
            phases={Phase(name): _record(row) for name, row in content["phases"].items()},
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise CheckpointError(
            f"cannot read {path}: {error}; take the file away to begin the run anew (models of "
            "earlier versions stay)"
        ) from error


def _record(row: Mapping[str, Any]) -> PhaseRecord:
    return PhaseRecord(**{**row, "state": PhaseState(row["state"])})
