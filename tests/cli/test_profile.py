"""`ossamma profile` times a bundle, and says on what."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path

import pytest

from ossamma.pipeline.stage_clock import Stage

DOCS = (Path(__file__).resolve().parents[2] / "docs" / "profiling.md").read_text(encoding="utf-8")

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
        (["--device", "abacus"], "device must be cpu, cuda or cuda:N"),
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


@pytest.mark.e2e
def test_the_commands_of_the_page_work(ossamma, trained, tmp_path):
    shutil.copytree(trained.request.out, tmp_path / "runs" / "a")
    shutil.copyfile(trained.request.test, tmp_path / "test.conll")
    (block,) = re.findall(r"```console\n(.*?)```", DOCS, re.DOTALL)
    commands = [shlex.split(line.removeprefix("$ ossamma ")) for line in block.splitlines()]
    assert len(commands) == 3
    for command in commands:
        result = ossamma(*command, *(() if "--runs" in command else ("--runs", "1")))
        assert result.exit_code == 0, f"{command}\n{result.stderr}"
    assert (tmp_path / "profiles" / "a" / "profile.html").is_file()


def test_the_page_names_the_stages():
    named = " ".join(DOCS.split())
    stages = set(Stage) - {Stage.VITERBI, Stage.POSTERIOR, Stage.OTHER, Stage.DECODE}
    assert all(stage in named for stage in stages)
