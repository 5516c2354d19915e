"""The experiment book for people: the table of runs, and the page of one run."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from ossamma.cli.rendering import printable
from ossamma.cli.sparkline import sparkline
from ossamma.cli.terminal import Output, table_output
from ossamma.pipeline.run_book import RunEntry, entry_of
from ossamma.pipeline.run_compare import data_of, flat, settings_of
from ossamma.pipeline.run_content import CURVES, RunContent
from ossamma.pipeline.run_states import RunStatus

_STYLES = {
    RunStatus.FINISHED: "green",
    RunStatus.RUNNING: "cyan",
    RunStatus.INTERRUPTED: "yellow",
    RunStatus.LEFT: "yellow",
    RunStatus.PRUNED: "dim",
    RunStatus.FAILED: "red",
    RunStatus.DAMAGED: "bold red",
    RunStatus.FOREIGN: "dim",
}
_HASH = 12
"""So many digits of a fingerprint are shown."""


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of the list; it is left out if no run has anything there."""

    heading: str
    cell: Callable[[RunEntry], str]
    is_word: bool = False
    """Words stand to the left, and what all runs have in common is said once above the table."""


_COLUMNS = (
    _Column("Kind", lambda run: run.kind.value, is_word=True),
    _Column("Status", lambda run: run.status.value, is_word=True),
    _Column("Profile", lambda run: run.profile or "", is_word=True),
    _Column("Preset", lambda run: run.preset or "", is_word=True),
    _Column("Size", lambda run: _millions(run.parameters)),
    _Column("Epochs", lambda run: "" if run.epochs is None else f"{run.epochs:.3g}"),
    _Column("Steps", lambda run: _count(run.steps)),
    _Column("Dev F1", lambda run: _number(run.dev_f1, 4)),
    _Column("Test F1", lambda run: _number(run.test_f1, 4)),
    _Column("Perplexity", lambda run: _number(run.perplexity, 2)),
    _Column("Started", lambda run: _time(run.started)),
    _Column("Took", lambda run: _duration(run.seconds)),
)
_DISPENSABLE = ("Preset", "Steps", "Profile", "Took", "Epochs", "Started", "Size", "Kind")
"""Columns that a narrow terminal does without, the first one first."""
_NAME = "Run"
_GAP = 3
"""Columns of the terminal between two columns of a table."""
_EDGES = 2
"""Columns of the terminal at the edges of a table."""


def show_list(entries: Sequence[RunEntry], folders: Sequence[Path]) -> None:
    """Print a line for each run."""
    console = table_output()
    if not entries:
        say(console, f"no such run below {', '.join(map(str, folders))}")
        return
    names, above = _short_names([entry.name for entry in entries])
    columns, common = _columns_of(entries)
    room = console.width - max(map(len, (*names, _NAME))) - _EDGES
    columns, left_out = _fitting(columns, entries, room)
    plural = "" if len(entries) == 1 else "s"
    say(console, f"{len(entries)} run{plural} in {above}{''.join(f', {each}' for each in common)}")
    table = Table(box=box.SIMPLE, pad_edge=False)
    table.add_column(_NAME, overflow="fold")
    for column in columns:
        table.add_column(
            column.heading, justify="left" if column.is_word else "right", no_wrap=True
        )
    for name, entry in zip(names, entries, strict=True):
        cells = (_styled(printable(column.cell(entry)), entry, column) for column in columns)
        table.add_row(Text(printable(name)), *cells)
    console.print(table)
    if left_out:
        say(console, f"a wider terminal, or --json, also shows: {', '.join(left_out)}")
    for name, entry in zip(names, entries, strict=True):
        if entry.reason and entry.status is not RunStatus.FINISHED:
            say(console, f"{name}: {entry.reason}")


def show_run(run: RunContent) -> None:
    """Print everything that is known of a run, the scores first."""
    entry = entry_of(run)
    console = table_output()
    facts = {
        "kind": entry.kind,
        "status": f"{entry.status}: {entry.reason}" if entry.reason else str(entry.status),
        "started": _time(entry.started),
        "ended": _time(entry.ended),
        "took": _duration(entry.seconds),
        "epochs": None if entry.epochs is None else f"{entry.epochs:.3g}",
        "steps": _count(entry.steps),
        "parameters": _count(entry.parameters),
        "held-out perplexity": _number(entry.perplexity, 2),
    }
    console.print(_pairs(str(run.path), facts))
    scores = _score_table(run)
    if scores.row_count:
        console.print(scores)
    for name, title in CURVES.items():
        values = [value for _, value in run.curve(name)]
        if values:
            line = f"{values[0]:.4f} {sparkline(values)} {values[-1]:.4f}"
            say(console, f"{title}: {line} ({len(values)} points)")
    sections = {
        "Settings": settings_of(run),
        "Data": {**data_of(run), "fingerprint": run.at("data_fingerprint")},
        "Versions": flat(run.at("versions")),
        "Machine": flat(run.at("machine")),
    }
    for title, content in sections.items():
        if any(value is not None and value != "" for value in content.values()):
            console.print(_pairs(title, content))


def say(console: Output, line: str) -> None:
    """Print a line as it is."""
    console.print(printable(line), markup=False, highlight=False, soft_wrap=True)


def cell_of(name: str, value: Any) -> Text:  # noqa: ANN401  JSON is anything
    """Return the value of a setting or fact as people read it."""
    if isinstance(value, str):
        is_hash = name.endswith("sha256") or name == "fingerprint"
        return Text(printable(value[:_HASH] if is_hash else value))
    if name.endswith(".mapped") and isinstance(value, list):
        return Text(printable(", ".join(map(_mapping, value))))
    return Text("-" if value is None else printable(json.dumps(value, ensure_ascii=False)))


def _short_names(names: Sequence[str]) -> tuple[list[str], str]:
    """Return the names without the folder that they share, and that folder."""
    above = os.path.commonpath([str(Path(name).absolute().parent) for name in names])
    short = [str(Path(name).absolute().relative_to(above)) for name in names]
    stated = os.path.relpath(above)
    return short, above if stated.startswith(os.pardir) else stated


def _columns_of(entries: Sequence[RunEntry]) -> tuple[list[_Column], list[str]]:
    """Return the columns that tell something, and the words that hold for all of several runs."""
    columns, common = [], []
    for column in _COLUMNS:
        cells = {column.cell(entry) for entry in entries}
        if cells == {""}:
            continue
        if column.is_word and len(cells) == 1 and len(entries) > 1:
            common.append(next(iter(cells)))
        else:
            columns.append(column)
    if common:
        common[0] = f"all {common[0]}"
    return columns, common


def _fitting(
    columns: Sequence[_Column], entries: Sequence[RunEntry], room: int
) -> tuple[list[_Column], list[str]]:
    """Return the columns that fit beside the names, and the headings of those that do not."""
    widths = {
        column.heading: max(len(column.heading), *(len(column.cell(entry)) for entry in entries))
        for column in columns
    }
    left_out: list[str] = []
    for heading in filter(widths.__contains__, _DISPENSABLE):
        if sum(width + _GAP for width in widths.values()) <= room:
            break
        del widths[heading]
        left_out.append(heading)
    return [column for column in columns if column.heading in widths], left_out


def _styled(text: str, entry: RunEntry, column: _Column) -> Text:
    return Text(text, style=_STYLES[entry.status] if column.heading == "Status" else "")


def _score_table(run: RunContent) -> Table:
    """Precision, recall and F1 of the averages and types, side by side for dev and test."""
    table = Table(title="Scores", title_justify="left", box=box.SIMPLE, pad_edge=False)
    table.add_column("")
    parts = [part for part in ("dev", "test") if run.metric(part, "micro", "f1") is not None]
    labels: dict[str, None] = {}
    for part in parts:
        labels |= dict.fromkeys(sorted(run.metrics[part].get("per_type") or ()))
        for figure in ("P", "R", "F1"):
            table.add_column(f"{part} {figure}", justify="right")
    for name in ("micro", "macro", *labels) if parts else ():
        place = (name,) if name in ("micro", "macro") else ("per_type", name)
        cells = [
            _number(run.metric(part, *place, figure), 4)
            for part in parts
            for figure in ("precision", "recall", "f1")
        ]
        table.add_row(Text(printable(name)), *cells)
    return table


def _pairs(title: str, content: Mapping[str, Any]) -> Table:
    table = Table(
        title=Text(printable(title)),
        title_justify="left",
        show_header=False,
        box=box.SIMPLE,
        pad_edge=False,
    )
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in content.items():
        if value is not None and value != "":
            table.add_row(Text(printable(name)), cell_of(name, value))
    return table


def _mapping(row: Any) -> str:  # noqa: ANN401  JSON is anything
    """Write a row of a label map: the label, the type if it has another name, and how many."""
    if not (isinstance(row, list) and len(row) == 3):
        return str(row)
    label, kind, count = row
    return f"{label} {count}" if label == kind else f"{label} > {kind} {count}"


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:,.{digits}f}"


def _count(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _millions(value: int | None) -> str:
    return "" if value is None else f"{value / 1e6:.2f}M"


def _duration(seconds: float | None) -> str:
    """Write minutes and seconds, or hours, minutes and seconds."""
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _time(stated: str | None) -> str:
    """Shorten an ISO time in UTC to the minute."""
    return "" if stated is None else stated[:16].replace("T", " ")
