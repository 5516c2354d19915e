"""`ossamma gate`: a report held against the gates of its profile; the exit code says it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ossamma.cli.options import Json

if TYPE_CHECKING:
    from rich.text import Text

    from ossamma.evaluation.verdicts import GateResult, Verdicts

FAILED = 1
"""A gate failed."""
NOT_MEASURED = 3
"""No gate failed, but of some nothing can be said."""

EXAMPLES = """
[bold]Examples[/bold]

ossamma gate report.json

ossamma gate report.json --profile rag9 --junit gates.xml

ossamma gate report.json --gates mine.yaml --incumbent released/report.json --strict
"""


def gate(  # noqa: PLR0913  a verb's options are its arguments
    report: Annotated[
        Path, typer.Argument(metavar="REPORT", help="report.json of `ossamma evaluate`.")
    ],
    profile: Annotated[
        str | None,
        typer.Option(
            "--profile", metavar="P", help="Profile whose gates decide; a report names its own."
        ),
    ] = None,
    gates: Annotated[
        Path | None, typer.Option("--gates", metavar="FILE", help="Gates of your own, in YAML.")
    ] = None,
    incumbent: Annotated[
        Path | None,
        typer.Option(
            "--incumbent", metavar="REPORT", help="Report of the model in use, to compare with."
        ),
    ] = None,
    junit: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="Write JUnit XML as well.")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="What was not measured has failed, without exception.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Hold a report against gates: PASS, FAIL or NOT MEASURABLE, each with its reason.

    Exits with 0 if all gates passed, 1 if one failed, 2 if a file or option is at fault, and 3 if
    none failed but one that may be skipped was not measurable.
    """
    import json

    from ossamma.evaluation.verdicts import Outcome
    from ossamma.pipeline.gating import GateRequest, check_report

    if profile is not None and gates is not None:
        raise typer.BadParameter("give either --profile or --gates")
    verdicts = check_report(
        GateRequest(
            report=report,
            profile=profile,
            gates=gates,
            incumbent=incumbent,
            junit=junit,
            strict=strict,
        )
    )
    if as_json:
        typer.echo(json.dumps(verdicts.to_json()))
    else:
        _show(verdicts)
    codes = {Outcome.FAILED: FAILED, Outcome.SKIPPED: NOT_MEASURED}
    if verdicts.outcome in codes:
        raise typer.Exit(codes[verdicts.outcome])


def _show(verdicts: Verdicts) -> None:
    from rich.table import Table

    from ossamma.cli.terminal import Output
    from ossamma.evaluation.verdicts import Outcome

    table = Table(title="Gates", show_lines=False)
    table.add_column("Verdict", no_wrap=True)
    for heading in ("Gate", "Asked", "Measured", "Why"):
        table.add_column(heading, overflow="fold")
    for result in verdicts.results:
        table.add_row(*_row(result))
    console = Output()
    console.print(table)
    counts = ", ".join(f"{verdicts.count(outcome)} {outcome}" for outcome in Outcome)
    console.print(f"{counts}: {verdicts.gates}", markup=False, highlight=False, soft_wrap=True)


def _row(result: GateResult) -> list[Text]:
    from rich.text import Text

    from ossamma.cli.rendering import printable
    from ossamma.evaluation.gates import Priority
    from ossamma.evaluation.verdicts import Outcome

    styles = {Outcome.PASSED: "green", Outcome.FAILED: "bold red", Outcome.SKIPPED: "yellow"}
    content = result.to_json()
    asked = "" if content["operator"] is None else f"{content['operator']} {content['threshold']:g}"
    value = content["value"]
    name = printable(result.gate.name)
    emphasis = "bold" if result.gate.priority is Priority.HIGH else ""
    return [
        Text(result.verdict.value, style=styles[result.outcome]),
        Text(name, style=emphasis),
        Text(asked),
        Text("" if value is None else f"{value:.4g}"),
        Text(printable(result.reason)),
    ]
