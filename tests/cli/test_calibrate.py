"""`ossamma calibrate` writes a new bundle, which `extract` and `info` know how to use."""

from __future__ import annotations

import json

import pytest

from ossamma.export.bundle import load
from ossamma.inference.calibration import ThresholdPolicy
from ossamma.inference.settings import InferenceSettings

TEXT = "Ada Lovelace waited in Oslo . Alan Turing slept in New York ."


@pytest.fixture
def calibrate(ossamma, trained):
    def run(*arguments):
        return ossamma(
            "calibrate", "--bundle", trained.request.out, "--gold", trained.request.dev, *arguments
        )

    return run


def test_json_is_the_calibration(calibrate, tmp_path):
    result = calibrate("--out", "c", "--json", "--method", "temperature")
    assert result.exit_code == 0, result.stderr
    content = json.loads(result.stdout)
    assert content["bundle"] == "c"
    assert content["calibration"] == load(tmp_path / "c").calibration.to_json()
    assert content["calibration"]["facts"]["method"].startswith("temperature")
    assert set(content["calibration"]["facts"]["cross_fit"]) == {"before", "after", "thresholds"}


def test_people_see_before_and_after(calibrate):
    result = calibrate("--out", "c")
    assert result.exit_code == 0, result.stderr
    for shown in ("raw posterior", "calibrated", "ECE", "Brier", "precision", "other types"):
        assert shown in result.stdout


def test_what_exists_is_not_replaced(calibrate, tmp_path):
    (tmp_path / "c").mkdir()
    result = calibrate("--out", "c")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "expected a new folder" in result.stderr


def test_extract_uses_calibration_and_thresholds(ossamma, calibrate, tmp_path):
    assert calibrate("--out", "c", "--precision-floor", "0.5").exit_code == 0
    for policy in ThresholdPolicy:
        result = ossamma(
            "extract", "--bundle", "c", "--json", "--thresholds", policy, input=TEXT.encode()
        )
        assert result.exit_code == 0, result.stderr
        [wanted] = load(tmp_path / "c", InferenceSettings(thresholds=policy)).recognise([TEXT])
        found = json.loads(result.stdout)["entities"]
        assert [(e["start"], e["label"], e["confidence"]) for e in found] == [
            (e.start, e.label, e.confidence) for e in wanted
        ]


def test_thresholds_of_an_uncalibrated_bundle_end_with_2(ossamma, trained):
    result = ossamma(
        "extract", "--bundle", trained.request.out, "--thresholds", "f1", input=TEXT.encode()
    )
    assert result.exit_code == 2
    assert "ossamma calibrate" in result.stderr


def test_info_says_what_the_confidence_is(ossamma, calibrate, trained):
    assert "raw posterior" in ossamma("info", trained.request.out).stdout
    assert calibrate("--out", "c").exit_code == 0
    shown = " ".join(ossamma("info", "c").stdout.split())
    assert "calibrated (" in shown
    assert "thresholds: f1, precision" in shown
    facts = json.loads(ossamma("info", "c", "--json").stdout)["calibration"]
    assert facts["fitted_on"]["documents"] == 8
    assert facts["thresholds"] == ["f1", "precision"]
