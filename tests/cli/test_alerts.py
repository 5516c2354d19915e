"""`ossamma alerts` prints what Prometheus and Grafana read, and checks by itself."""

from __future__ import annotations

import json

import yaml


def test_rules_and_dashboard_are_printed(ossamma):
    rules = yaml.safe_load(ossamma("alerts", "rules", "--profile", "ner11", "--job", "x").stdout)
    [group] = rules["groups"]
    assert group["name"] == "ossamma-ner11"
    assert any('job="x"' in rule["expr"] for rule in group["rules"])
    assert json.loads(ossamma("alerts", "dashboard").stdout)["title"] == "OSSAMMA-NER (rag9)"


def test_an_unknown_profile_is_told(ossamma):
    result = ossamma("alerts", "rules", "--profile", "rag10")
    assert result.exit_code == 2
    assert "rag9" in result.stderr


def test_a_server_that_is_down_is_an_alert(ossamma):
    result = ossamma("alerts", "check", "--url", "http://127.0.0.1:9", "--interval", "0", "--json")
    assert result.exit_code == 1
    [finding] = json.loads(result.stdout)
    assert finding["alert"] == "OssammaDown"
