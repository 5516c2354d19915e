"""The report of a run as Markdown: how each phase ended, and criteria ticked by measurement alone.

A criterion is ticked if its gate passed on the report of this run. What no gate measured has no
tick, and says why; nothing else ticks anything.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from ossamma.evaluation.gates import Verdict
from ossamma.evaluation.report import read_report
from ossamma.pipeline.taskmaster.fingerprints import of_path
from ossamma.pipeline.taskmaster.lineage import is_current
from ossamma.pipeline.taskmaster.phases import Phase, phases_of
from ossamma.pipeline.taskmaster.status import PhaseState, RunStatus
from ossamma.schema.atomic import atomic_write

REPORT_FILE: Final = "report.md"
_NOT_ASKED: Final = "Nothing is ticked: the gates were not asked of the run as it stands."


def write_run_report(run: Path, status: RunStatus) -> Path:
    """Write the report of a run as it stands; return its path.

    Raises:
        OSError, DataError: it cannot be written, or a file of the run cannot be read.
    """
    path = run / REPORT_FILE
    with atomic_write(path) as file:
        file.write(run_report(run, status))
    return path


def run_report(run: Path, status: RunStatus) -> str:
    """Return the report."""
    parts = [
        [f"# Run {run.resolve().name}", "", f"Profile {status.profile}, backend {status.backend}."],
        _phases(status),
        _criteria(run, status),
        _scores(run, status),
        _training(status),
        _data(status),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _phases(status: RunStatus) -> list[str]:
    rows = [
        (phase, state_of(status, phase), _duration(record.seconds), record.message)
        for phase in phases_of(status.backend)
        for record in (status.seen(phase),)
    ]
    return ["## Phases", "", *_table(("phase", "state", "took", "what came of it"), rows)]


def _criteria(run: Path, status: RunStatus) -> list[str]:
    head = ["## Success criteria", ""]
    path = _output(run, status, Phase.GATE, "verdicts")
    if path is None:
        return [*head, _NOT_ASKED]
    verdicts = json.loads(path.read_text(encoding="utf-8"))
    counts = ", ".join(f"{number} {name}" for name, number in verdicts["verdicts"].items())
    lines = [f"{verdicts['outcome']} ({counts}): {verdicts['gates']}", ""]
    return [*head, *lines, *map(_criterion, verdicts["results"])]


def _criterion(result: Mapping[str, Any]) -> str:
    box = "x" if result["verdict"] == Verdict.PASS else " "
    asked = "" if result["operator"] is None else f" {result['operator']} {result['threshold']:g}"
    value = "" if result["value"] is None else f", measured {result['value']:.4f}"
    return (
        f"- [{box}] **{result['verdict']}** {_plain(result['name'])}{asked}{value}: "
        f"{_plain(result['reason'])} *({_plain(result['source'])})*"
    )


def _scores(run: Path, status: RunStatus) -> list[str]:
    path = _output(run, status, Phase.EVALUATE, "report")
    if path is None:
        return []
    report = read_report(path)
    rows = [("all, micro", *_figures(report["scores"]["micro"]), "")]
    rows += [
        (f"{name}-shaped types", *_figures(row), f"{row['support']:,}")
        for name, row in (report["slices"]["shape"] or {}).items()
        if name in {"rule", "name"}
    ]
    types = {name: row for name, row in report["scores"]["per_type"].items() if row["support"]}
    rows += [
        (name, *_figures(types[name]), f"{types[name]['support']:,}")
        for name in sorted(types, key=lambda name: -types[name]["support"])
    ]
    head = ("on test, strict", "precision %", "recall %", "F1 %", "gold mentions")
    return ["## Scores", "", *_table(head, rows)]


def _output(run: Path, status: RunStatus, phase: Phase, name: str) -> Path | None:
    """Return a file that speaks of the run as it stands; None if it is not that any more."""
    record = status.of(phase)
    if not is_current(status, phase) or name not in record.outputs:
        return None
    path = run / record.outputs[name]
    return path if of_path(path) == record.made[name] else None


def _training(status: RunStatus) -> list[str]:
    facts = status.of(Phase.TRAIN).facts
    if not facts or not is_current(status, Phase.TRAIN):
        return []
    endings = ", then ".join(f"{e['ending']} ({e['seconds']:.0f} s)" for e in facts["attempts"])
    peak = facts["peak_bytes"]
    held = "not known on this system" if peak is None else f"{peak / 2**20:,.0f} MiB"
    gpu = facts["gpu"]
    busy = gpu.get("absent") or f"{gpu['mean_busy_percent']} % busy, {gpu['peak_mib']:,} MiB"
    lines = [
        f"- attempts: {endings}",
        f"- most main memory: {held}",
        f"- GPU: {busy}",
        *(f"- note: {_plain(note)}" for note in facts["notes"]),
    ]
    return ["## Training", "", *lines]


def _data(status: RunStatus) -> list[str]:
    rejected = status.of(Phase.DATA).facts.get("rejected")
    if not rejected:
        return []
    return ["## Data that was not taken", "", *(f"- {_plain(line)}" for line in rejected)]


def _figures(row: Mapping[str, Any]) -> tuple[str, str, str]:
    precision, recall, f1 = (f"{100 * row[name]:.1f}" for name in ("precision", "recall", "f1"))
    return precision, recall, f1


def _table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> Iterator[str]:
    names = list(head)
    yield f"| {' | '.join(names)} |"
    yield "|---" * len(names) + "|"
    for row in rows:
        yield f"| {' | '.join(_plain(str(cell)) for cell in row)} |"


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.1f} min" if seconds >= 60.0 else f"{seconds:.1f} s"


def _plain(text: str) -> str:
    """Keep what stands in a message from making tables and tags."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def state_of(status: RunStatus, phase: Phase) -> str:
    """Return how a phase stands; what was made from something older is out of date."""
    state = status.seen(phase).state
    is_old = state is PhaseState.DONE and not is_current(status, phase)
    return "out of date" if is_old else state.value


def summary_line(status: RunStatus, phase: Phase) -> str:
    """Return a phase as a line for a terminal."""
    record = status.seen(phase)
    state, took = state_of(status, phase), _duration(record.seconds)
    return f"{phase:<10} {state:<12} {took:>9}  {record.message}"
