"""Alerts on ingestions, streams and graphs: they fire on recorded series and on nothing else."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import pytest
import yaml
from prometheus_client import generate_latest
from typer.testing import CliRunner

from ossamma.cli.app import app
from ossamma.graph.census import census
from ossamma.graph.stores.memory import MemoryStore
from ossamma.ingestion.monitoring.alert_rules import ingest_alerts_of, ingest_rule_file
from ossamma.ingestion.monitoring.alert_settings import (
    IngestAlertSettings,
    read_ingest_alert_settings,
)
from ossamma.ingestion.monitoring.dashboard import ingest_dashboard
from ossamma.ingestion.monitoring.textfile import IngestOutcome, write_ingest_metrics
from ossamma.ingestion.run import IngestReport
from ossamma.ingestion.streaming.metrics import StreamMetrics
from ossamma.schema.errors import ConfigurationError, ProfileError

PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(
    PROMTOOL is None, reason="promtool is not installed (Debian: prometheus)"
)
SETTINGS = IngestAlertSettings(stale_seconds=600.0)
SINK = 'job="node",sink="twin"'
JOB = 'job="ossamma-stream",instance="a"'


def files(written, dead):
    return {
        f'ner_ingest_files{{{SINK},outcome="{outcome}"}}': f"{number}x30"
        for outcome, number in (("written", written), ("dead", dead), ("skipped", 500))
    }


def messages(written, dead):
    return {
        f"ner_stream_messages_{what}_total{{{JOB}}}": f"0+{number}x30"
        for what, number in (("written", written), ("dead", dead))
    }


def waiting(lag, committed):
    return {
        f"ner_stream_lag_messages{{{JOB}}}": f"{lag}x30",
        f"ner_stream_last_commit_timestamp_seconds{{{JOB}}}": committed,
    }


def guesses(number):
    return {
        f"ner_graph_guessed_merges{{{SINK}}}": f"{number}x30",
        f'ner_graph_edges{{{SINK},type="SAME_AS"}}': "100x30",
        f'ner_graph_edges{{{SINK},type="USES"}}': "7x30",
    }


def one(name, labels, bad, good):
    return {f"{name}{{{labels}}}": bad}, {f"{name}{{{labels}}}": good}


CASES = {
    "OssammaIngestErrors": (files(90, 10), files(99, 1)),
    "OssammaIngestFailed": one("ner_ingest_failed", SINK, "0x5 1x25", "1x5 0x25"),
    "OssammaIngestStale": one(
        "ner_ingest_last_success_timestamp_seconds", SINK, "60x30", "0+60x30"
    ),
    "OssammaStreamLag": (waiting(20_000, "0+60x30"), waiting(9_000, "0+60x30")),
    "OssammaStreamStuck": (waiting(5, "60x30"), waiting(0, "60x30")),
    "OssammaStreamDead": (messages(90, 10), messages(990, 10)),
    "OssammaStreamErrors": one(
        "ner_stream_errors_total", f'{JOB},step="sink"', "0+1x30", "0 1 2 3 4x26"
    ),
    "OssammaStreamDown": one("up", JOB, "1x10 0x20", "1x30"),
    "OssammaGraphShrinks": one(
        "ner_graph_nodes", f'{SINK},kind="entities"', "100x10 90x20", "100+1x30"
    ),
    "OssammaGraphGuesses": (guesses(6), guesses(5)),
    "OssammaGraphBare": one("ner_graph_edges_without_evidence", SINK, "3x30", "0x30"),
}


def test_every_alert_has_its_case():
    assert set(CASES) == {alert.name for alert in ingest_alerts_of(SETTINGS)}


@needs_promtool
@pytest.mark.parametrize("is_bad", [True, False])
def test_a_rule_fires_when_it_must_and_only_then(tmp_path, is_bad):
    """Prometheus itself evaluates the rules, on recorded series of half an hour."""
    (tmp_path / "rules.yml").write_text(ingest_rule_file("ner11", SETTINGS), encoding="utf-8")
    query = 'count(ALERTS{{alertname="{}",alertstate="firing"}}) or vector(0)'
    tests = [
        {
            "name": name,
            "interval": "1m",
            "input_series": [
                {"series": series, "values": values}
                for series, values in CASES[name][0 if is_bad else 1].items()
            ],
            "promql_expr_test": [
                {
                    "expr": query.format(name),
                    "eval_time": "25m",
                    "exp_samples": [{"labels": "{}", "value": int(is_bad)}],
                }
            ],
        }
        for name in CASES
    ]
    content = {"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": tests}
    (tmp_path / "test.yml").write_text(yaml.safe_dump(content), encoding="utf-8")
    done = subprocess.run(
        [PROMTOOL, "test", "rules", tmp_path / "test.yml"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
@pytest.mark.parametrize("profile", ["rag9", "ner11"])
def test_promtool_finds_the_rules_that_the_verb_prints_in_order(tmp_path, profile):
    line = ["alerts", "rules", "--for", "ingestion", "--profile", profile]
    printed = CliRunner().invoke(app, line).stdout
    assert printed == ingest_rule_file(profile, read_ingest_alert_settings(profile))
    path = tmp_path / "rules.yml"
    path.write_text(printed, encoding="utf-8")
    done = subprocess.run(
        [PROMTOOL, "check", "rules", path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert f"{len(CASES)} rules found" in done.stdout


def test_every_series_of_rules_and_dashboard_exists(tmp_path):
    """A rule on a name that nothing reports would never fire."""
    path = tmp_path / "a.prom"
    outcome = IngestOutcome(IngestReport(files=1), 1.0, 1.0)
    write_ingest_metrics(path, "twin", outcome, census(MemoryStore(), is_thorough=True))
    page = path.read_text(encoding="utf-8") + generate_latest(StreamMetrics().registry).decode()
    known = set(re.findall(r"^# TYPE (\S+)", page, re.MULTILINE)) | {"up"}
    known |= {f"{name}_bucket" for name in known}
    expressions = [alert.expression for alert in ingest_alerts_of(SETTINGS)]
    panels = ingest_dashboard("ner11", SETTINGS)["panels"]
    expressions += [target["expr"] for panel in panels for target in panel["targets"]]
    for expression in expressions:
        named = set(re.findall(r"\bner_\w+|\bup\b", expression))
        assert named, expression
        assert named <= known, expression


def test_the_dashboard_has_the_form_that_grafana_imports():
    printed = CliRunner().invoke(app, ["alerts", "dashboard", "--for", "ingestion"]).stdout
    made = json.loads(printed)
    assert made == ingest_dashboard("rag9", read_ingest_alert_settings("rag9"))
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in made["panels"]}
    assert len(places) == len(made["panels"]) == 12, "no panel lies on another"
    red = {
        panel["title"]: panel["fieldConfig"]["defaults"]["thresholds"]["steps"][-1]["value"]
        for panel in made["panels"]
    }
    assert red["Messages that wait"] == IngestAlertSettings().lag_messages


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("ingestion:\n  eror_rate: 0.5\n", "alerts.yaml:2.*eror_rate"),
        ("ingestion:\n  error_rate: much\n", "expected a number"),
        ("ingestion:\n  guessed_share: 2\n", r"must lie in \[0, 1\]"),
        ("ingestion:\n  stuck_seconds: nan\n", "must be positive"),
    ],
)
def test_a_wrong_bound_is_refused(tmp_path, content, message):
    (tmp_path / "profile.yaml").write_text("name: x\n", encoding="utf-8")
    assert read_ingest_alert_settings(tmp_path) == IngestAlertSettings()
    (tmp_path / "alerts.yaml").write_text(content, encoding="utf-8")
    with pytest.raises(ProfileError, match=message):
        read_ingest_alert_settings(tmp_path)
    with pytest.raises(ConfigurationError):
        IngestAlertSettings(lag_messages=0)
