"""The profile of a bundle for people: latency, throughput, and the stages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich import box
from rich.table import Table

from ossamma.cli.rendering import printable
from ossamma.cli.terminal import Output, table_output

Json = Mapping[str, Any]


def show_profile(profile: Json) -> None:
    """Print the tables, and the plan's figures beside what was measured."""
    console = table_output()
    hardware = profile["hardware"]
    _say(console, f"{profile['bundle']}: {profile['parameters']:,} parameters on {hardware}")
    console.print(_latency_table(profile))
    console.print(_throughput_table(profile))
    console.print(_stage_table(profile, "alone", "Stages of one text, ms"))
    console.print(_stage_table(profile, "together", f"Stages of {profile['batch']} texts, ms"))
    for row in profile["plan"]:
        met = "met" if row["met"] else "not met"
        _say(
            console,
            f"{row['figure']}: {row['measured']:.1f} {row['unit']}; the plan asks for "
            f"{row['plan']}: {met} on {hardware}",
        )
    for note in profile["notes"]:
        console.print(f"note: {note}", style="yellow", markup=False, highlight=False)


def _latency_table(profile: Json) -> Table:
    table = _table(f"Latency of one text, ms ({profile['runs']} calls)")
    for heading in ("Pieces", "Best", "p50", "p90", "p95", "p99", "Worst"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in profile["lengths"]:
        calls = row["alone"]
        figures = (calls["best_ms"], *calls["ms"].values(), calls["worst_ms"])
        table.add_row(f"{row['pieces']:,}", *(f"{ms:,.1f}" for ms in figures))
    return table


def _throughput_table(profile: Json) -> Table:
    table = _table(f"Throughput, {profile['batch']} texts a call ({profile['batch_runs']} calls)")
    for heading in ("Pieces", "Sequences/s", "Pieces/s", "Words/s", "Peak MiB"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in profile["lengths"]:
        table.add_row(
            f"{row['pieces']:,}",
            f"{row['sequences_per_second']:,.1f}",
            f"{row['pieces_per_second']:,.0f}",
            f"{row['words_per_second']:,.0f}",
            "" if row["peak_mib"] is None else f"{row['peak_mib']:,.0f}",
        )
    return table


def _stage_table(profile: Json, kind: str, title: str) -> Table:
    lengths = profile["lengths"]
    table = _table(title)
    table.add_column("Stage", no_wrap=True)
    for row in lengths:
        table.add_column(f"{row['length']:,}", justify="right", no_wrap=True)
    for stage in lengths[0][kind]["stages_ms"]:
        table.add_row(stage, *(f"{row[kind]['stages_ms'][stage]:,.1f}" for row in lengths))
    table.add_section()
    table.add_row("sum", *(f"{row[kind]['sum_of_stages_ms']:,.1f}" for row in lengths))
    table.add_row("without the clock", *(f"{row[kind]['ms']['p50']:,.1f}" for row in lengths))
    return table


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", box=box.SIMPLE, pad_edge=False)


def _say(console: Output, line: str) -> None:
    console.print(printable(line), markup=False, highlight=False, soft_wrap=True)
