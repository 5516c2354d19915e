"""The experiment book for people: tables of runs, of one run, and of what differs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from ossamma.cli.rendering import printable
from ossamma.cli.sparkline import sparkline
from ossamma.cli.terminal import Output
from ossamma.pipeline.run_book import RunEntry, entry_of
from ossamma.pipeline.run_compare import RunComparison, data_of, flat, scores_of, settings_of
from ossamma.pipeline.run_content import RunContent
from ossamma.pipeline.run_states import RunStatus

if TYPE_CHECKING:
    from ossamma.pipeline.run_significance import PairedResult

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
_CURVES = {"loss": "loss", "eval_f1": "dev F1", "eval_perplexity": "held-out perplexity"}
_HASH = 12
"""So many digits of a fingerprint are shown."""


def show_list(entries: Sequence[RunEntry], folders: Sequence[Path]) -> None:
    """Print a line for each run."""
    console = Output()
    if not entries:
        _say(console, f"no such run below {', '.join(map(str, folders))}")
        return
    has_perplexity = any(entry.perplexity is not None for entry in entries)
    table = Table()
    table.add_column("Run", overflow="fold")
    for heading in ("Kind", "Status", "Profile", "Size"):
        table.add_column(heading)
    headings = ["Epochs", "Steps", "Dev F1", "Test F1"]
    for heading in [*headings, *["Perplexity"] * has_perplexity, "Started", "Ended", "Seconds"]:
        table.add_column(heading, justify="right")
    for entry in entries:
        table.add_row(*_list_row(entry, has_perplexity=has_perplexity))
    console.print(table)
    for entry in entries:
        if entry.reason and entry.status is not RunStatus.FINISHED:
            _say(console, f"{entry.name}: {entry.reason}")


def show_run(run: RunContent) -> None:
    """Print everything that is known of a run."""
    entry = entry_of(run)
    console = Output()
    stands = f"{entry.status}: {entry.reason}" if entry.reason else str(entry.status)
    facts = {
        "kind": entry.kind,
        "status": stands,
        "started": _time(entry.started),
        "ended": _time(entry.ended),
        "seconds": _number(entry.seconds, 0),
        "parameters": _count(entry.parameters),
    }
    console.print(_pairs(str(run.path), facts))
    sections = {
        "Recipe": settings_of(run),
        "Data": {**data_of(run), "fingerprint": run.at("data_fingerprint")},
        "Scores": {name: _figure(value) for name, value in scores_of(run).items()},
        "Versions": flat(run.at("versions")),
        "Machine": flat(run.at("machine")),
    }
    for title, content in sections.items():
        if any(value is not None and value != "" for value in content.values()):
            console.print(_pairs(title, content))
    for name, title in _CURVES.items():
        values = [value for _, value in run.curve(name)]
        if values:
            line = f"{values[0]:.4f} {sparkline(values)} {values[-1]:.4f} ({len(values)} points)"
            _say(console, f"{title}: {line}")


def show_comparison(comparison: RunComparison) -> None:
    """Print what differs, a column for each run, and the scores with their differences."""
    console = Output()
    _say(console, "compared with the first run:")
    for number, name in enumerate(comparison.runs, start=1):
        _say(console, f"  {number}: {name}")
    for title in ("settings", "data", "versions", "machine"):
        rows: Mapping[str, Sequence[Any]] = getattr(comparison, title)
        if not rows:
            _say(console, f"{title}: the same")
            continue
        table = _side_by_side(title.capitalize(), len(comparison.runs))
        for name, values in rows.items():
            table.add_row(Text(printable(name)), *(_cell(name, value) for value in values))
        console.print(table)
    table = _side_by_side("Scores", len(comparison.runs))
    for name, row in comparison.scores.items():
        cells = zip(row.values, row.differences, strict=True)
        shown = [_gain(value, by if column else None) for column, (value, by) in enumerate(cells)]
        table.add_row(Text(printable(name)), *shown)
    console.print(table)
    for note in comparison.notes:
        console.print(f"note: {note}", style="yellow", markup=False, highlight=False)


def show_significance(paired: Iterable[PairedResult]) -> None:
    """Print the differences on the gold documents with intervals and p values."""
    console = Output()
    for result in paired:
        comparison = result.comparison
        table = Table(title=Text(f"{result.second} against {result.first}"))
        table.add_column("F1")
        level = f"{100 * comparison.settings.level:g} % interval"
        for heading in ("Difference", level, "p (bootstrap)", "p (swaps)"):
            table.add_column(heading, justify="right")
        rows = {"micro": comparison.micro, "macro": comparison.macro, **comparison.per_type}
        for name, row in rows.items():
            f1 = row["f1"]
            table.add_row(
                Text(printable(name)),
                f"{100 * f1.difference:+.2f}",
                f"{100 * f1.interval.low:+.2f} to {100 * f1.interval.high:+.2f}",
                f"{f1.p_bootstrap:.4f}",
                f"{f1.p_randomisation:.4f}",
            )
        console.print(table)


def _list_row(entry: RunEntry, *, has_perplexity: bool) -> list[Text]:
    perplexity = [_number(entry.perplexity, 2)] if has_perplexity else []
    size = ", ".join(filter(None, (entry.preset, _millions(entry.parameters))))
    cells = [
        entry.profile or "",
        size,
        "" if entry.epochs is None else f"{entry.epochs:.3g}",
        _count(entry.steps),
        _number(entry.dev_f1, 4),
        _number(entry.test_f1, 4),
        *perplexity,
        _time(entry.started),
        _time(entry.ended),
        _number(entry.seconds, 0),
    ]
    return [
        Text(printable(entry.name)),
        Text(entry.kind),
        Text(entry.status, style=_STYLES[entry.status]),
        *(Text(printable(cell)) for cell in cells),
    ]


def _pairs(title: str, content: Mapping[str, Any]) -> Table:
    table = Table(title=Text(printable(title)), title_justify="left", show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in content.items():
        if value is not None and value != "":
            table.add_row(Text(printable(name)), _cell(name, value))
    return table


def _side_by_side(title: str, runs: int) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("")
    for number in range(1, runs + 1):
        table.add_column(str(number), justify="right", overflow="fold")
    return table


def _cell(name: str, value: Any) -> Text:  # noqa: ANN401  JSON is anything
    if isinstance(value, str):
        is_hash = name.endswith("sha256") or name == "fingerprint"
        return Text(printable(value[:_HASH] if is_hash else value))
    return Text("-" if value is None else printable(json.dumps(value, ensure_ascii=False)))


def _gain(value: float | None, gain: float | None) -> Text:
    if value is None:
        return Text("-")
    return Text(_figure(value) + ("" if gain is None else f" ({_figure(gain, '+')})"))


def _figure(value: float | None, sign: str = "") -> str:
    """Write a share in four digits, and what is greater as people count it."""
    if value is None:
        return ""
    if abs(value) > 1.0:
        return f"{value:{sign},.{0 if float(value).is_integer() else 1}f}"
    return f"{value:{sign}.4f}" if value else "0"


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:,.{digits}f}"


def _count(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _millions(value: int | None) -> str:
    return "" if value is None else f"{value / 1e6:.2f}M"


def _time(stated: str | None) -> str:
    """Shorten an ISO time in UTC to the minute."""
    return "" if stated is None else stated[:16].replace("T", " ")


def _say(console: Output, line: str) -> None:
    console.print(printable(line), markup=False, highlight=False, soft_wrap=True)
