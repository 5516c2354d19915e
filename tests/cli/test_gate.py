"""`ossamma gate` says how it went in its exit code, for people and for machines."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.evaluation.reports import report

ROOT = Path(__file__).resolve().parents[2]
DOCS = (ROOT / "docs" / "gates.md").read_text(encoding="utf-8")
GATES = """\
gates:
  - {name: micro, source: a test, metric: f1, average: micro, operator: ">", threshold: 0.8}
"""
SKIPPED = """\
  - {name: later, source: a test, not_measurable: nobody knows, if_not_measured: skip}
"""


@pytest.fixture
def folder(tmp_path):
    """A report, gates that it passes, and the report of an incumbent."""
    content = report({"PERSON": (300, 10, 10), "PLACE": (300, 10, 10)})
    (tmp_path / "report.json").write_text(json.dumps(content))
    (tmp_path / "released.json").write_text(json.dumps(content))
    (tmp_path / "mine.yaml").write_text(GATES)
    (tmp_path / "more.yaml").write_text(GATES + SKIPPED)
    return tmp_path


def test_all_gates_passed(ossamma, folder):
    result = ossamma("gate", "report.json", "--gates", "mine.yaml")
    assert result.exit_code == 0, result.stderr
    for word in ("PASS", "micro", "> 0.8", "0.9677", "1 passed, 0 failed, 0 skipped: mine.yaml"):
        assert word in result.stdout


def test_a_gate_failed(ossamma, folder):
    result = ossamma("gate", "report.json")
    assert result.exit_code == 1
    assert "NOT MEASURABLE" in result.stdout


def test_nothing_failed_and_something_is_not_known(ossamma, folder):
    assert ossamma("gate", "report.json", "--gates", "more.yaml").exit_code == 3
    assert ossamma("gate", "report.json", "--gates", "more.yaml", "--strict").exit_code == 1


def test_json_is_for_machines(ossamma, folder):
    result = ossamma("gate", "report.json", "--gates", "more.yaml", "--json")
    assert result.exit_code == 3
    content = json.loads(result.stdout)
    assert content["outcomes"] == {"passed": 1, "failed": 0, "skipped": 1}
    assert [each["verdict"] for each in content["results"]] == ["PASS", "NOT MEASURABLE"]
    assert content["results"][0]["threshold"] == 0.8


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["nowhere.json"], "nowhere.json: expected a report"),
        (["mine.yaml"], "mine.yaml:1: expected a report in JSON"),
        (["report.json", "--profile", "rag10"], "no profile 'rag10'"),
        (["report.json", "--gates", "nowhere.yaml"], "nowhere.yaml: expected a readable"),
        (["report.json", "--gates", "mine.yaml", "--profile", "rag9"], "either --profile or"),
        (["report.json", "--incumbent", "nowhere.json"], "nowhere.json: expected a report"),
        (["report.json", "--junit", "no/where.xml"], "the folder"),
        (["report.json", "--gates", "report.json"], "report.json:1: unknown key 'format'"),
    ],
)
def test_a_fault_ends_with_2_and_nothing_on_stdout(ossamma, folder, arguments, complaint):
    result = ossamma("gate", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert complaint in result.stderr


def test_names_from_files_do_not_command_the_terminal(ossamma, folder):
    (folder / "odd.yaml").write_text(GATES.replace("name: micro", 'name: "a\\e[31m[bold]"'))
    result = ossamma("gate", "report.json", "--gates", "odd.yaml")
    assert result.exit_code == 0
    assert r"\x1b[31m[bold]" in result.stdout


def test_a_report_is_judged_without_torch(folder):
    code = """
import sys
from ossamma.cli.app import main
try:
    main()
except SystemExit as stop:
    assert not stop.code, stop.code
assert not {"torch", "transformers", "spacy"} & set(sys.modules), "a report needs no network"
"""
    path = os.pathsep.join(filter(None, [str(ROOT / "src"), os.environ.get("PYTHONPATH")]))
    arguments = ["gate", "report.json", "--gates", "mine.yaml", "--incumbent", "released.json"]
    subprocess.run(
        [sys.executable, "-c", code, *arguments, "--junit", "gates.xml"],
        env=os.environ | {"PYTHONPATH": path},
        cwd=folder,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    assert (folder / "gates.xml").is_file()


def commands():
    """Every command of the page, with the exit code that its comment promises."""
    blocks = re.findall(r"```console\n(.*?)```", DOCS, re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines() if line.startswith("$ ")]
    parts = [line.removeprefix("$ ").partition("  # exits with ") for line in lines]
    return [(command.strip(), int(code)) for command, _, code in parts]


def test_the_page_has_commands_and_gates():
    assert len(commands()) >= 4


@pytest.mark.parametrize(("command", "code"), commands())
def test_the_commands_of_the_page_do_what_it_says(ossamma, folder, command, code):
    (yaml,) = re.findall(r"```yaml\n(.*?)```", DOCS, re.DOTALL)
    (folder / "mine.yaml").write_text(yaml)
    words = shlex.split(command)
    assert words[0] == "ossamma"
    result = ossamma(*words[1:])
    assert result.exit_code == code, result.output
