"""`ossamma profile` times a bundle, and says on what."""

from __future__ import annotations

import json

import pytest

QUICK = ("--lengths", "512,16", "--batch", "2", "--runs", "1")


def test_people_see_stages_lengths_and_the_plan(ossamma, trained, tmp_path):
    result = ossamma("profile", trained.request.out, *QUICK, "--out", "profiles/a")
    assert result.exit_code == 0, result.stderr
    for wanted in (
        "Latency of one text, ms (1 calls)",
        "Throughput, 2 texts a call",
        "oscillator",
        "CRF: best path",
        "without the clock",
        "the plan asks for < 50: ",
        "the plan asks for > 100: ",
        "torch",
    ):
        assert wanted in result.stdout
    assert "timing 16 pieces" in result.stderr
    assert {path.name for path in (tmp_path / "profiles" / "a").iterdir()} == {
        "profile.html",
        "profile.json",
    }


def test_machines_get_json_alone(ossamma, trained):
    result = ossamma("profile", trained.request.out, *QUICK, "--json")
    content = json.loads(result.stdout)
    assert [row["length"] for row in content["lengths"]] == [16, 512]
    assert content["format"] == "ossamma-profile/1"


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--lengths", "a,b"], "expected whole numbers"),
        (["--lengths", "2"], "from 4 on"),
        (["--device", "abacus"], "expected a device that torch can use here"),
        (["--text", "nowhere.conll"], "nowhere.conll"),
    ],
)
def test_faults_are_told_without_a_traceback(ossamma, trained, options, complaint):
    result = ossamma("profile", trained.request.out, *options)
    assert result.exit_code == 2
    assert complaint in result.stderr


def test_what_is_no_bundle_ends_with_2(ossamma, tmp_path):
    (tmp_path / "empty").mkdir()
    assert ossamma("profile", "empty").exit_code == 2
