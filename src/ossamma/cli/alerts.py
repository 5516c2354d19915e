"""`ossamma alerts`: rules and dashboards from a profile, and a check that needs neither."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from ossamma.cli.options import Json

app = typer.Typer(
    help="Alerts: rules for Prometheus, dashboards, or a check of a server right now.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
DEFAULT_PROFILE = "rag9"
RULES_EXAMPLES = """
[bold]Examples[/bold]

ossamma alerts rules --profile ner11 > ossamma.rules.yml

ossamma alerts rules --for ingestion --profile ner11 > ingestion.rules.yml
"""
DASHBOARD_EXAMPLES = """
[bold]Examples[/bold]

ossamma alerts dashboard > dashboard.json

ossamma alerts dashboard --for ingestion > ingestion.json
"""
CHECK_EXAMPLES = """
[bold]Examples[/bold]

ossamma alerts check --url http://127.0.0.1:8080 --interval 30

ossamma alerts check --notify mailto://user:password@example.org
"""


class Watched(StrEnum):
    """What alerts are about."""

    SERVER = "server"
    INGESTION = "ingestion"


About = Annotated[
    Watched, typer.Option("--for", help="The server, or ingestions, streams and their graphs.")
]
ProfileName = Annotated[
    str, typer.Option("--profile", metavar="P", help="Whose bounds: a profile's name or folder.")
]


@app.command(epilog=RULES_EXAMPLES)
def rules(
    profile: ProfileName = DEFAULT_PROFILE,
    job: Annotated[
        str,
        typer.Option(
            "--job",
            help="What Prometheus' configuration calls the servers, or the streams; by default "
            "ossamma, or ossamma-stream.",
        ),
    ] = "",
    about: About = Watched.SERVER,
) -> None:
    """Print a rule file for Prometheus."""
    if about is Watched.INGESTION:
        from ossamma.ingestion.monitoring.alert_rules import ingest_rule_file
        from ossamma.ingestion.monitoring.alert_settings import read_ingest_alert_settings

        bounds = read_ingest_alert_settings(profile)
        typer.echo(ingest_rule_file(profile, bounds, job=job or "ossamma-stream"), nl=False)
        return
    from ossamma.serving.alert_rules import rule_file
    from ossamma.serving.alert_settings import read_alert_settings

    settings = read_alert_settings(profile)
    typer.echo(rule_file(profile, settings, job=job or "ossamma"), nl=False)


@app.command(epilog=DASHBOARD_EXAMPLES)
def dashboard(profile: ProfileName = DEFAULT_PROFILE, about: About = Watched.SERVER) -> None:
    """Print a dashboard that Grafana imports."""
    import json

    if about is Watched.INGESTION:
        from ossamma.ingestion.monitoring.alert_settings import read_ingest_alert_settings
        from ossamma.ingestion.monitoring.dashboard import ingest_dashboard

        content = ingest_dashboard(profile, read_ingest_alert_settings(profile))
    else:
        from ossamma.serving import dashboard as panels
        from ossamma.serving.alert_settings import read_alert_settings

        content = panels.dashboard(profile, read_alert_settings(profile))
    typer.echo(json.dumps(content, indent=1))


@app.command(epilog=CHECK_EXAMPLES)
def check(
    url: Annotated[
        str, typer.Option("--url", help="Address of the server.")
    ] = "http://127.0.0.1:8080",
    profile: ProfileName = DEFAULT_PROFILE,
    interval: Annotated[
        float,
        typer.Option("--interval", min=0.0, help="Seconds between the two looks; rates need some."),
    ] = 10.0,
    notify: Annotated[
        list[str] | None,
        typer.Option(
            "--notify",
            metavar="ADDRESS",
            envvar="OSSAMMA_NOTIFY",
            help="Tell whoever is there, by Apprise; may be repeated.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Look at a server twice and say what is wrong. Exits with 1 if anything is."""
    import json
    import time

    from ossamma.serving.alert_settings import read_alert_settings
    from ossamma.serving.alert_visit import visit

    settings = read_alert_settings(profile)
    findings = visit(url, settings, pause=lambda: time.sleep(interval))
    if as_json:
        typer.echo(json.dumps([{"alert": f.name, "message": f.message} for f in findings]))
    else:
        for finding in findings:
            typer.echo(f"{finding.name}: {finding.message}")
        if not findings:
            typer.echo("nothing is wrong")
    if findings:
        if notify:
            from ossamma.serving.notification import notify as send

            lines = "\n".join(f"{finding.name}: {finding.message}" for finding in findings)
            send(notify, title=f"{len(findings)} alerts of {url}", body=lines)
        raise typer.Exit(code=1)
