"""Alerts: the rules fire on recorded series and on nothing else; the check says the same."""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ossamma.schema.errors import ConfigurationError, FormatError, ProfileError
from ossamma.serving.alert_check import Finding, Reading, check_readings, quantile
from ossamma.serving.alert_rules import alerts_of, rule_file
from ossamma.serving.alert_settings import AlertSettings, read_alert_settings
from ossamma.serving.alert_visit import visit
from ossamma.serving.dashboard import dashboard
from ossamma.serving.monitoring import Metrics
from ossamma.serving.notification import notify
from tests.serving.serving import run, serving

PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(
    PROMTOOL is None, reason="promtool is not installed (Debian: prometheus)"
)
SETTINGS = AlertSettings()
BUCKETS = ("0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1.0", "+Inf")


@pytest.mark.parametrize("profile", ["rag9", "ner11"])
def test_the_plan_s_bounds_stand_in_every_profile(profile):
    settings = read_alert_settings(profile)
    assert settings.latency_p99_seconds == 0.1
    assert settings.error_rate == 0.01


def test_a_profile_may_say_less_or_nothing(tmp_path):
    (tmp_path / "profile.yaml").write_text("name: x\n", encoding="utf-8")
    assert read_alert_settings(tmp_path) == SETTINGS
    (tmp_path / "alerts.yaml").write_text("error_rate: 0.5\n", encoding="utf-8")
    assert read_alert_settings(tmp_path) == AlertSettings(error_rate=0.5)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("eror_rate: 0.5\n", "alerts.yaml:1.*eror_rate"),
        ("error_rate: much\n", "expected a number"),
        ("error_rate: 2\n", r"must lie in \[0, 1\]"),
        ("drift_psi: nan\n", "must be positive"),
    ],
)
def test_a_wrong_bound_is_refused(tmp_path, content, message):
    (tmp_path / "profile.yaml").write_text("name: x\n", encoding="utf-8")
    (tmp_path / "alerts.yaml").write_text(content, encoding="utf-8")
    with pytest.raises(ProfileError, match=message):
        read_alert_settings(tmp_path)


def test_every_series_of_rules_and_dashboard_exists():
    """A rule on a name that nothing reports would never fire."""

    async def story():
        async with serving() as server:
            page = (await server.client.get("/metrics")).text
            known = set(re.findall(r"^# TYPE (\S+)", page, re.MULTILINE))
            known |= {f"{name}_bucket" for name in known} | {f"{name}_total" for name in known}
            known |= {f"{name}_{part}" for name in known for part in ("sum", "count")}
            expressions = [alert.expression for alert in alerts_of(SETTINGS)]
            panels = dashboard("rag9", SETTINGS)["panels"]
            expressions += [target["expr"] for panel in panels for target in panel["targets"]]
            for expression in expressions:
                named = set(re.findall(r"\b(?:ner|process)_\w+", expression))
                assert named <= known, expression

    run(story)


def series(values: dict[str, str]) -> list[dict[str, str]]:
    return [{"series": name, "values": value} for name, value in values.items()]


def latency(slow_bound: str) -> dict[str, str]:
    """A hundred answers a minute, all of them just within one bucket."""
    at = BUCKETS.index(slow_bound)
    name = "ner_request_latency_seconds_bucket"
    return {
        f'{name}{{job="ossamma",le="{bound}"}}': f"0+{100 * (n >= at)}x30"
        for n, bound in enumerate(BUCKETS)
    }


def responses(**per_minute: int) -> dict[str, str]:
    return {
        f'ner_responses_total{{job="ossamma",status="{status[1:]}"}}': f"0+{number}x30"
        for status, number in per_minute.items()
    }


UP = {'up{job="ossamma",instance="a"}': "1x30"}
GAUGE = 'job="ossamma",model="default"'
CASES = {
    "OssammaLatency": (latency("0.25"), latency("0.05")),
    "OssammaErrors": (responses(_200=90, _504=10), responses(_200=1000, _500=5)),
    "OssammaRefusals": (responses(_200=90, _429=10), responses(_200=99, _429=1)),
    "OssammaSaturated": (
        {
            f"ner_queue_requests{{{GAUGE}}}": "250x30",
            f"ner_queue_capacity_requests{{{GAUGE}}}": "256x30",
        },
        {
            f"ner_queue_requests{{{GAUGE}}}": "100x30",
            f"ner_queue_capacity_requests{{{GAUGE}}}": "256x30",
        },
    ),
    "OssammaDrift": (
        {f'ner_drift_psi{{{GAUGE},feature="confidence",entity_type=""}}': "0.4x30"},
        {f'ner_drift_psi{{{GAUGE},feature="confidence",entity_type=""}}': "0.2x30"},
    ),
    "OssammaPrecision": (
        {f"ner_expected_precision{{{GAUGE}}}": "0.7x30"},
        {f"ner_expected_precision{{{GAUGE}}}": "0.9x30"},
    ),
    "OssammaReload": (
        {f'ner_model_reloads_total{{{GAUGE},outcome="failed"}}': "0x10 1x20"},
        {f'ner_model_reloads_total{{{GAUGE},outcome="ok"}}': "0x10 1x20"},
    ),
    "OssammaDown": ({'up{job="ossamma",instance="a"}': "0x30"}, UP),
    "OssammaNotReady": (
        {f'ner_model_ready{{{GAUGE},instance="a"}}': "0x30"},
        {f'ner_model_ready{{{GAUGE},instance="a"}}': "1x30"},
    ),
}


def test_every_alert_has_its_case():
    assert set(CASES) == {alert.name for alert in alerts_of(SETTINGS)}


@needs_promtool
@pytest.mark.parametrize("profile", ["rag9", "ner11"])
def test_promtool_finds_the_rules_in_order(tmp_path, profile):
    path = tmp_path / "rules.yml"
    path.write_text(rule_file(profile, read_alert_settings(profile)), encoding="utf-8")
    done = subprocess.run(
        [PROMTOOL, "check", "rules", path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert f"{len(CASES)} rules found" in done.stdout


@needs_promtool
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("is_bad", [True, False])
def test_a_rule_fires_when_it_must_and_only_then(tmp_path, name, is_bad):
    """Prometheus itself evaluates the rules, on recorded series of half an hour."""
    (tmp_path / "rules.yml").write_text(rule_file("rag9", SETTINGS), encoding="utf-8")
    recorded = CASES[name][0 if is_bad else 1]
    query = f'count(ALERTS{{alertname="{name}",alertstate="firing"}}) or vector(0)'
    content = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": series(UP | recorded),
                "promql_expr_test": [
                    {
                        "expr": query,
                        "eval_time": "25m",
                        "exp_samples": [{"labels": "{}", "value": int(is_bad)}],
                    }
                ],
            }
        ],
    }
    test = tmp_path / "test.yml"
    test.write_text(yaml.safe_dump(content), encoding="utf-8")
    done = subprocess.run(
        [PROMTOOL, "test", "rules", test], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_dashboard_has_the_form_that_grafana_imports():
    made = json.loads(json.dumps(dashboard("rag9", SETTINGS)))
    ids = [panel["id"] for panel in made["panels"]]
    assert len(set(ids)) == len(ids) >= 10
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in made["panels"]}
    assert len(places) == len(ids), "no panel lies on another"
    red = {
        panel["title"]: panel["fieldConfig"]["defaults"]["thresholds"]["steps"][-1]["value"]
        for panel in made["panels"]
    }
    assert red["Latency of answers"] == SETTINGS.latency_p99_seconds


@given(
    st.lists(st.floats(min_value=0.0, max_value=3.0), min_size=1, max_size=50),
    st.sampled_from([0.5, 0.9, 0.99]),
)
def test_a_quantile_lies_in_the_bucket_of_the_true_one(values, share):
    limits = [float(bound.replace("+Inf", "inf")) for bound in BUCKETS]
    buckets = {bound: float(sum(value <= bound for value in values)) for bound in limits}
    true = sorted(values)[max(0, math.ceil(share * len(values)) - 1)]
    found = quantile(share, buckets)
    upper = min(bound for bound in limits if true <= bound)
    lower = max([0.0, *(bound for bound in limits if bound < true)])
    assert lower <= found <= (upper if upper < math.inf else 1.0)


def test_nothing_counted_has_no_quantile():
    assert math.isnan(quantile(0.99, {}))
    assert math.isnan(quantile(0.99, {1.0: 0.0, math.inf: 0.0}))


def page_of(**facts: float) -> str:
    metrics = Metrics()
    for _ in range(int(facts.get("answered", 0))):
        metrics.began()
        metrics.responded("/ner", 200, facts.get("seconds", 0.01), is_stream=False)
    for _ in range(int(facts.get("failed", 0))):
        metrics.began()
        metrics.responded("/ner", 500, 0.01, is_stream=False)
    return metrics.page().decode()


@pytest.mark.parametrize(
    ("facts", "names"),
    [
        ({"answered": 200}, []),
        ({"answered": 200, "seconds": 0.4}, ["OssammaLatency"]),
        ({"answered": 200, "failed": 1}, []),
        ({"answered": 200, "failed": 9}, ["OssammaErrors"]),
        ({}, []),
    ],
)
def test_the_check_looks_at_what_happened_between_its_looks(facts, names):
    empty, full = Reading.parse(page_of()), Reading.parse(page_of(**facts))
    assert [finding.name for finding in check_readings(empty, full, SETTINGS)] == names
    assert check_readings(full, full, SETTINGS) == [], "nothing happened since"
    assert [f.name for f in check_readings(full, full, SETTINGS)] == []


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ('ner_model_ready{model="a"} 0', "OssammaNotReady"),
        ('ner_drift_psi{model="a",feature="entity_rate",entity_type="X"} 0.3', "OssammaDrift"),
        ('ner_expected_precision{model="a"} 0.5', "OssammaPrecision"),
        (
            'ner_queue_requests{model="a"} 9\nner_queue_capacity_requests{model="a"} 10',
            "OssammaSaturated",
        ),
    ],
)
def test_the_check_looks_at_states(line, name):
    reading = Reading.parse(line + "\n")
    assert [finding.name for finding in check_readings(reading, reading, SETTINGS)] == [name]


def test_what_is_no_page_of_metrics_is_refused():
    with pytest.raises(FormatError, match="text format"):
        Reading.parse("<html>hello</html>\n")


class Sink(BaseHTTPRequestHandler):
    """Answers GET /metrics with a page, and keeps what is posted."""

    page = ""
    kept: list[bytes] = []  # noqa: RUF012  set anew by each test

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.page.encode())

    def do_POST(self):
        self.kept.append(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def sink():
    """A local server; its address."""
    Sink.kept = []
    server = HTTPServer(("127.0.0.1", 0), Sink)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_visit_finds_what_is_wrong(sink):
    Sink.page = 'ner_model_ready{model="a"} 0\n'
    assert visit(f"http://{sink}", SETTINGS, pause=lambda: None) == [
        Finding("OssammaNotReady", "a is not loaded")
    ]


def test_a_server_that_is_not_there_is_down():
    [finding] = visit("http://127.0.0.1:9", SETTINGS, pause=lambda: None)
    assert finding.name == "OssammaDown"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Apprise itself
def test_people_are_told(sink):
    pytest.importorskip("apprise", reason="notification is optional")
    notify([f"json://{sink}/hook"], title="2 alerts", body="OssammaDown: gone")
    [message] = map(json.loads, Sink.kept)
    assert message["title"] == "2 alerts"
    assert "OssammaDown: gone" in message["message"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Apprise itself
def test_an_address_that_means_nothing_is_refused_and_not_shown():
    pytest.importorskip("apprise", reason="notification is optional")
    with pytest.raises(ConfigurationError, match="address 1") as error:
        notify(["secret-password"], title="", body="x")
    assert "secret" not in str(error.value)


def test_the_profiles_ship_their_alerts():
    import ossamma.profiles  # noqa: PLC0415  where they lie

    folder = Path(ossamma.profiles.__file__).parent
    assert {path.parent.name for path in folder.glob("*/alerts.yaml")} == {"rag9", "ner11"}
