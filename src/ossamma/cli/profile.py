"""`ossamma profile`: where the time of a bundle goes, by stage and by length of the text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ossamma.cli.options import Json

EXAMPLES = """
[bold]Examples[/bold]

ossamma profile --bundle runs/a

ossamma profile --bundle runs/a --lengths 32,128,512 --batch 32 --out profiles/a

ossamma profile --bundle runs/a --text test.conll --json
"""


def profile(  # noqa: PLR0913  a verb's options are its arguments
    bundle: Annotated[
        Path,
        typer.Option("--bundle", metavar="B", help="A bundle, or the folder of a finished run."),
    ],
    lengths: Annotated[
        str, typer.Option("--lengths", metavar="N,N,...", help="Lengths of the texts, in pieces.")
    ] = "32,64,128,256,512,1024,2048",
    batch: Annotated[
        int, typer.Option("--batch", min=1, help="Texts in a call, for throughput.")
    ] = 16,
    runs: Annotated[
        int, typer.Option("--runs", min=1, help="Timed calls of one text; a quarter of batches.")
    ] = 20,
    text: Annotated[
        Path | None,
        typer.Option(
            "--text",
            metavar="FILE",
            help="CoNLL or JSONL whose words are read; else the demonstration corpus.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Write profile.html and profile.json."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Time a bundle on this machine: latency, throughput, memory, and the part of every stage.

    Nothing of the model is changed. Figures are of this machine as it is: leave it alone meanwhile.
    """
    import json

    from ossamma.cli.logs import quieten
    from ossamma.pipeline.profile_page import write_profile
    from ossamma.pipeline.profiling import ProfileRequest, profile_bundle

    quieten()
    request = ProfileRequest(
        bundle=bundle, lengths=_numbers(lengths), batch=batch, runs=runs, text=text
    )
    content = profile_bundle(
        request, on_length=lambda length: typer.echo(f"timing {length} pieces", err=True)
    )
    if out is not None:
        write_profile(content, out)
    if as_json:
        typer.echo(json.dumps(content))
    else:
        _show(content)


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise typer.BadParameter(
            f"expected whole numbers with commas between them, got {text!r}",
            param_hint="--lengths",
        ) from None


def _show(content: dict[str, Any]) -> None:
    from ossamma.cli.terminal import Output

    console = Output()

    def say(line: str) -> None:
        console.print(line, markup=False, highlight=False, soft_wrap=True)

    say(f"{content['bundle']}: {content['parameters']:,} parameters on {content['hardware']}")
    console.print(_length_table(content))
    if content["notes"]:
        say(f"note: {'; '.join(content['notes'])}")
    console.print(_stage_table(content, "alone", "Stages of one text, ms"))
    console.print(_stage_table(content, "together", f"Stages of {content['batch']} texts, ms"))
    for row in content["plan"]:
        met = "met" if row["met"] else "not met"
        say(
            f"{row['figure']}: {row['measured']:.1f} {row['unit']}; the plan asks for "
            f"{row['plan']}: {met} on {content['hardware']}"
        )


def _length_table(content: dict[str, Any]) -> Any:  # noqa: ANN401  rich loads in the command
    from rich.table import Table

    table = Table(
        title=f"One text alone (ms, {content['runs']} calls), and in batches of {content['batch']}",
        title_justify="left",
    )
    for heading in ("Pieces", "Best", "p50", "p90", "p95", "p99", "Worst"):
        table.add_column(heading, justify="right")
    for heading in ("Sequences/s", "Pieces/s", "Words/s", "Peak MiB"):
        table.add_column(heading, justify="right")
    for row in content["lengths"]:
        ms = row["alone"]["ms"]
        table.add_row(
            str(row["pieces"]),
            f"{row['alone']['best_ms']:.1f}",
            *(f"{ms[name]:.1f}" for name in ("p50", "p90", "p95", "p99")),
            f"{row['alone']['worst_ms']:.1f}",
            f"{row['sequences_per_second']:,.1f}",
            f"{row['pieces_per_second']:,.0f}",
            f"{row['words_per_second']:,.0f}",
            "" if row["peak_mib"] is None else f"{row['peak_mib']:,.0f}",
        )
    return table


def _stage_table(content: dict[str, Any], kind: str, title: str) -> Any:  # noqa: ANN401
    from rich.table import Table

    lengths = content["lengths"]
    table = Table(title=title, title_justify="left")
    table.add_column("Stage")
    for row in lengths:
        table.add_column(str(row["length"]), justify="right")
    for stage in lengths[0][kind]["stages_ms"]:
        table.add_row(stage, *(_part(row[kind], stage) for row in lengths))
    table.add_section()
    for name, key in (("sum", "sum_of_stages_ms"), ("without the clock", "mean_ms")):
        table.add_row(name, *(f"{row[kind][key]:.1f}" for row in lengths))
    return table


def _part(calls: dict[str, Any], stage: str) -> str:
    spent = calls["stages_ms"][stage]
    return f"{spent:.2f} {spent / calls['sum_of_stages_ms']:4.0%}"
