"""`ossamma evaluate` scores a bundle or a file of predictions, and nothing by halves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ossamma.data.readers.jsonl import write_jsonl
from tests import tiny

SOURCE = Path(__file__).resolve().parents[2] / "src"
GOLD = tiny.documents(6, seed=8)


def scores(result):
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


@pytest.fixture
def gold(tmp_path):
    return tiny.write_conll(tmp_path / "gold.conll", GOLD)


@pytest.mark.parametrize("name", ["p.conll", "p.jsonl"])
def test_predictions_of_either_format(ossamma, gold, tmp_path, name):
    path = tmp_path / name
    (tiny.write_conll if name.endswith("conll") else write_jsonl)(path, GOLD)
    found = scores(ossamma("evaluate", "--pred", path, "--gold", gold, "--json"))
    assert found["micro"] == {"precision": 1.0, "recall": 1.0, "f1": 1.0}
    assert found["documents"] == 6
    assert set(found) == {
        "micro",
        "macro",
        "weighted",
        "per_type",
        "documents",
        "unscored",
        "unscored_gold",
    }


def test_a_bundle_is_scored_as_its_run_was(ossamma, trained):
    request = trained.request
    found = scores(ossamma("evaluate", "--bundle", request.out, "--gold", request.test, "--json"))
    assert found == trained.outcome.test.to_json()


def test_the_table_is_for_people(ossamma, trained):
    result = ossamma("evaluate", "--bundle", trained.request.out, "--gold", trained.request.test)
    assert result.exit_code == 0
    for word in ("PERSON", "PLACE", "micro", "macro", f"{100 * trained.outcome.test.micro.f1:.2f}"):
        assert word in result.stdout


def test_resplitting_is_an_option_of_bundles(ossamma, trained, gold):
    bundle = trained.request.out
    assert scores(ossamma("evaluate", "--bundle", bundle, "--gold", gold, "--resplit", "--json"))
    result = ossamma("evaluate", "--pred", gold, "--gold", gold, "--resplit")
    assert (result.exit_code, result.stdout) == (2, "")


@pytest.mark.parametrize(
    "arguments",
    [[], ["--bundle", "b", "--pred", "p"]],
    ids=["neither", "both"],
)
def test_either_a_bundle_or_predictions(ossamma, gold, arguments):
    result = ossamma("evaluate", "--gold", gold, *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "give either --bundle or --pred" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--pred", "nowhere.jsonl"], "nowhere.jsonl: no such file"),
        (["--bundle", "nowhere"], "expected a bundle or a run folder at nowhere"),
        (["--pred", "empty"], "empty: the file is empty"),
        (["--pred", "broken.jsonl"], "broken.jsonl:1: expected one JSON object per line"),
        (["--pred", "short.conll"], "expected 6 documents as in the gold file, got 1"),
        (["--pred", "short.conll", "--map", "wnut17"], "belongs to a profile; give --profile"),
        (["--pred", "short.conll", "--profile", "rag10"], "no profile 'rag10'"),
    ],
)
def test_a_fault_ends_with_2_and_nothing_on_stdout(ossamma, gold, tmp_path, arguments, complaint):
    (tmp_path / "empty").touch()
    (tmp_path / "broken.jsonl").write_text('{"text": ')
    tiny.write_conll(tmp_path / "short.conll", GOLD[:1])
    result = ossamma("evaluate", "--gold", gold, *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert complaint in result.stderr


def test_a_missing_gold_file_is_named(ossamma, gold):
    result = ossamma("evaluate", "--pred", gold, "--gold", "gold.jsonl")
    assert result.exit_code == 2
    assert "gold.jsonl: no such file; did you mean gold.conll?" in result.stderr


def test_scoring_files_loads_no_torch(tmp_path, gold):
    code = """
import sys
from ossamma.cli.app import main
try:
    main()
except SystemExit as stop:
    assert not stop.code
assert not {"torch", "transformers"} & set(sys.modules), "two files need no network"
"""
    path = os.pathsep.join(filter(None, [str(SOURCE), os.environ.get("PYTHONPATH")]))
    subprocess.run(
        [sys.executable, "-c", code, "evaluate", "--pred", gold, "--gold", gold, "--out", tmp_path],
        env=os.environ | {"PYTHONPATH": path},
        check=True,
        stdout=subprocess.DEVNULL,
    )


def test_gold_without_entities_is_pointed_out(ossamma, tmp_path):
    path = tmp_path / "empty.jsonl"
    path.write_text('{"id": "a", "text": "Nothing here.", "entities": []}\n')
    result = ossamma("evaluate", "--pred", path, "--gold", path)
    assert result.exit_code == 0
    assert "note: there is no gold entity" in result.stderr


def test_a_reader_that_goes_away_is_no_error(gold):
    """What a shell calls 141: `ossamma evaluate ... | head -0`."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = subprocess.run(
        [sys.executable, "-m", "ossamma.cli.app", "evaluate", "--pred", gold, "--gold", gold],
        env=os.environ | {"PYTHONPATH": str(SOURCE)},
        stdout=write_end,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(write_end)
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_terminal_without_unicode_gets_escapes(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "Ada", "entities": [{"start": 0, "end": 3, "label": "\\u2192"}]}\n')
    done = subprocess.run(
        [sys.executable, "-m", "ossamma.cli.app", "evaluate", "--pred", path, "--gold", path],
        env=os.environ | {"PYTHONPATH": str(SOURCE), "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert rb"\u2192" in done.stdout


def test_out_writes_a_report_that_agrees_with_the_table(ossamma, gold, tmp_path):
    some = [d.__class__(id=d.id, text=d.text, annotations=d.annotations[:1]) for d in GOLD]
    write_jsonl(tmp_path / "p.jsonl", some)
    arguments = ["evaluate", "--pred", "p.jsonl", "--gold", gold]
    plain = scores(ossamma(*arguments, "--json"))
    result = ossamma(*arguments, "--json", "--out", "r", "--bootstrap", 100, "--seed", 3)
    report = json.loads((tmp_path / "r" / "report.json").read_text())
    printed = scores(result)
    assert printed.pop("intervals") == report["intervals"]
    assert printed == plain == report["scores"]
    assert (report["intervals"]["resamples"], report["intervals"]["seed"]) == (100, 3)
    assert "report: r/report.html" in result.stderr
    for name in ("report.html", "report.md", "predictions.jsonl"):
        assert (tmp_path / "r" / name).is_file()


def test_a_bundle_s_report_has_training_and_speed(ossamma, trained, tmp_path):
    request = trained.request
    arguments = ["--bundle", request.out, "--gold", request.test, "--train-surfaces", request.train]
    result = ossamma("evaluate", *arguments, "--out", "r", "--speed", "--bootstrap", 0)
    assert result.exit_code == 0, result.stderr
    report = json.loads((tmp_path / "r" / "report.json").read_text())
    assert report["scores"] == trained.outcome.test.to_json()
    assert report["intervals"] is None
    assert report["training"]["curve"]
    assert report["speed"]["latency_ms"]["512"] > 0
    assert set(report["slices"]["seen"]) <= {"seen", "unseen"}


@pytest.mark.parametrize("scheme", ["exact", "partial", "type"])
def test_another_scheme_is_shown_on_request(ossamma, gold, tmp_path, scheme):
    renamed = [
        d.__class__(
            id=d.id,
            text=d.text,
            annotations=tuple(a.__class__(a.start, a.end, ("PLACE",)) for a in d.annotations),
        )
        for d in GOLD
    ]
    write_jsonl(tmp_path / "p.jsonl", renamed)
    arguments = ["evaluate", "--pred", "p.jsonl", "--gold", gold]
    strict = scores(ossamma(*arguments, "--json"))
    found = scores(ossamma(*arguments, "--scheme", scheme, "--json"))
    assert (found["micro"]["f1"] == 1.0) == (scheme != "type")
    assert strict["micro"]["f1"] < 1.0
    assert f"Scheme: {scheme}" in ossamma(*arguments, "--scheme", scheme).stdout


def test_intervals_stand_in_the_table(ossamma, gold):
    result = ossamma("evaluate", "--pred", gold, "--gold", gold, "--bootstrap", 100)
    assert "95 % interval" in result.stdout
    assert " to 100.00" in result.stdout


def test_gold_in_several_files(ossamma, gold, tmp_path):
    other = tiny.write_conll(tmp_path / "other.conll", tiny.documents(3, seed=9, prefix="o"))
    pair = ["--pred", gold, "--pred", other, "--gold", gold, "--gold", other]
    assert scores(ossamma("evaluate", *pair, "--json"))["documents"] == 9


def test_gold_that_is_given_twice_is_noted(ossamma, gold):
    result = ossamma("evaluate", "--pred", gold, "--pred", gold, "--gold", gold, "--gold", gold)
    assert result.exit_code == 0
    assert "6 of 12 documents have the text of an earlier one" in result.stderr


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--speed"], "--speed times a bundle"),
        (["--format", "word"], "expected a format among bioc"),
        (["--bootstrap", "7"], "resamples must be at least 100"),
        (["--out", "gold.conll"], "cannot make the folder"),
    ],
)
def test_options_that_cannot_be(ossamma, gold, options, complaint):
    result = ossamma("evaluate", "--pred", gold, "--gold", gold, *options)
    assert result.exit_code == 2
    assert complaint in " ".join(result.stderr.replace("│", "").split())
