"""What a phase was made from, and whether that is still what there is."""

from __future__ import annotations

from ossamma.pipeline.taskmaster.fingerprints import of_values
from ossamma.pipeline.taskmaster.phases import NEEDS, Phase
from ossamma.pipeline.taskmaster.status import PhaseState, RunStatus


def upstream(status: RunStatus, phase: Phase) -> dict[str, str]:
    """Return what earlier phases made, and from what: a change goes all the way down."""
    found: dict[str, str] = {}
    for need in NEEDS[status.backend][phase]:
        record = status.of(need)
        found |= {f"{need}.{name}": value for name, value in record.made.items()}
        found[f"{need} (its inputs)"] = of_values(dict(record.inputs))
    return found


def is_current(status: RunStatus, phase: Phase) -> bool:
    """Whether a phase is done, and was made from what the phases before it have now."""
    record = status.of(phase)
    return (
        record.state is PhaseState.DONE
        and all(is_current(status, need) for need in NEEDS[status.backend][phase])
        and upstream(status, phase).items() <= dict(record.inputs).items()
    )
