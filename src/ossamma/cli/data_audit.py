"""`ossamma data audit`: wrong marks, doubtful surfaces, leaks, and mechanical repairs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ossamma.cli.options import Json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ossamma.data.audit import AuditReport
    from ossamma.data.leak_report import LeakReport
    from ossamma.schema.spans import Document

EXAMPLES = """
[bold]Examples[/bold]

ossamma data audit train.jsonl

ossamma data audit train.conll --repair trim-space --repair keep-longest --out repaired.jsonl

ossamma data audit train.jsonl --against test.jsonl --json
"""


def audit(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Labelled file.")],
    against: Annotated[
        Path | None,
        typer.Option("--against", metavar="FILE", help="Held-out file that FILE must not repeat."),
    ] = None,
    file_format: Annotated[
        str, typer.Option("--format", help="auto, conll, jsonl or another reader's name.")
    ] = "auto",
    rules: Annotated[
        list[str] | None,
        typer.Option("--repair", metavar="RULE", help="Mend marks by this rule; needs --out."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Repaired documents; a log lies beside."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Look for wrong marks, doubtful surfaces and leaks. Exits with 1 if FILE leaks."""
    import json

    from ossamma.data.audit import audit as audit_documents
    from ossamma.data.leak_report import leak_report
    from ossamma.data.readers.registry import read_labelled

    if bool(rules) != (out is not None):
        raise typer.BadParameter("--repair and --out go together")
    documents = read_labelled(file, file_format)
    report = audit_documents(lambda: documents)
    leaks = None
    if against is not None:
        held = read_labelled(against, file_format)
        leaks = leak_report({"test": held, "train": documents})
    changes = _repair(documents, rules, out) if rules and out else 0
    if as_json:
        found = leaks.to_json() if leaks else None
        typer.echo(json.dumps({"audit": report.to_json(), "leaks": found, "repairs": changes}))
    else:
        _show_audit(report, leaks, changes)
    if leaks is not None and leaks.num_leaks():
        raise typer.Exit(1)


def _repair(documents: Sequence[Document], rules: Sequence[str], out: Path) -> int:
    """Write repaired documents and the log of every change; return how many changes."""
    import json

    from ossamma.data.readers.jsonl import write_jsonl
    from ossamma.data.repair import repair
    from ossamma.schema.atomic import atomic_write

    repaired = [repair(document, rules) for document in documents]
    changes = [change for _, made in repaired for change in made]
    with atomic_write(out.with_suffix(".repairs.jsonl")) as log:
        log.writelines(json.dumps(change.to_json()) + "\n" for change in changes)
    write_jsonl(out, (document for document, _ in repaired))
    return len(changes)


def _show_audit(report: AuditReport, leaks: LeakReport | None, changes: int) -> None:
    from rich.table import Table

    from ossamma.cli.terminal import Output

    output = Output()
    output.print(f"{report.documents:,} documents, {report.spans:,} marks")
    table = Table("finding", "count", "example")
    for kind, count in report.findings.items():
        example = report.examples[kind][0]
        table.add_row(str(kind), f"{count:,}", f"{example.text!r} {example.label}")
    for title, found in (
        ("several types for one surface", report.inconsistent),
        ("marked here, unmarked there", report.missing),
        ("marked once, unmarked often", report.singletons),
    ):
        table.add_row(title, f"{found.total:,}", repr(found.rows[0].surface) if found.rows else "")
    output.print(table)
    for pair in leaks.pairs if leaks else ():
        for name, leak in pair.leaks.items():
            typer.echo(f"{name} leaks: {leak.held:,} of the held-out documents")
    if changes:
        typer.echo(f"repaired: {changes:,} marks")
