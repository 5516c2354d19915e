"""The book has every run once, says how it stands, and sorts and selects without losing any."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.pipeline.run_book import entry_of, find_runs, select_runs, sort_runs
from ossamma.pipeline.run_content import read_run
from ossamma.pipeline.run_states import RunKind, RunStatus, SortKey
from ossamma.schema.errors import DataError
from tests.pipeline.run_folders import metrics, record, write_run


def entry(folder):
    return entry_of(read_run(folder))


@pytest.fixture
def gone():
    """A process of this machine that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    return {"host": platform.node(), "process": ended.pid}


def test_a_finished_run_is_summed_up(tmp_path):
    found = entry(write_run(tmp_path / "a", record(), metrics()))
    assert found.to_json() == {
        "name": str(tmp_path / "a"),
        "kind": "training",
        "status": "finished",
        "reason": None,
        "profile": "native",
        "preset": "mini",
        "parameters": None,
        "epochs": 2.0,
        "steps": 16,
        "dev_f1": 0.5,
        "test_f1": 0.4,
        "perplexity": None,
        "started": "2026-11-22T10:00:00+00:00",
        "ended": "2026-11-22T10:05:00+00:00",
        "seconds": 30.0,
    }


def test_a_real_run_has_its_size_and_scores(trained):
    found = entry(trained.request.out)
    model = trained.outcome.recogniser.model
    assert found.parameters == sum(parameter.numel() for parameter in model.parameters())
    assert found.dev_f1 == trained.outcome.dev.micro.f1
    assert found.test_f1 == trained.outcome.test.micro.f1
    assert (found.status, found.kind) == (RunStatus.FINISHED, RunKind.TRAINING)
    assert found.steps == trained.outcome.result.steps


def test_an_unfinished_run_tells_of_its_log(tmp_path):
    made = record(status="running", started=None, ended=None)
    found = entry(write_run(tmp_path / "a", made, is_held=True))
    assert found.status is RunStatus.RUNNING
    assert (found.dev_f1, found.epochs, found.steps, found.seconds) == (0.5, 2.0, 16, 30.0)
    assert (found.started, found.ended) == ("1970-01-01T00:16:40+00:00", None)


def test_a_run_that_nobody_works_on_is_left(tmp_path, gone):
    running = record(status="running")
    assert entry(write_run(tmp_path / "a", running)).status is RunStatus.LEFT
    killed = write_run(tmp_path / "b", {**running, "process": gone}, is_held=True)
    assert entry(killed).status is RunStatus.LEFT
    elsewhere = {**running, "process": {"host": "elsewhere", "process": 1}}
    assert entry(write_run(tmp_path / "c", elsewhere, is_held=True)).status is RunStatus.RUNNING


def test_pretraining_has_its_perplexity(tmp_path):
    made = record(
        kind="pretraining", scores={"perplexity": 33.5}, steps=70, seconds=8.0, parameters=123
    )
    found = entry(write_run(tmp_path / "a", made))
    assert found.kind is RunKind.PRETRAINING
    assert (found.perplexity, found.steps, found.seconds) == (33.5, 70, 8.0)
    assert found.parameters == 123


def test_kinds_are_told_by_place(tmp_path):
    trial = write_run(tmp_path / "search" / "trials" / "000", record(), metrics())
    pruned = write_run(tmp_path / "search" / "trials" / "001", record(), metrics())
    study = {"trials": [{"run": "000", "state": "complete"}, {"run": "001", "state": "pruned"}]}
    (tmp_path / "search" / "study.json").write_text(json.dumps(study))
    assert (entry(trial).kind, entry(trial).status) == (RunKind.TRIAL, RunStatus.FINISHED)
    assert (entry(pruned).kind, entry(pruned).status) == (RunKind.TRIAL, RunStatus.PRUNED)
    variant = write_run(tmp_path / "ablation" / "runs" / "no-crf-1", record(), metrics())
    assert entry(variant).kind is RunKind.TRAINING
    (tmp_path / "ablation" / "answers").mkdir()
    assert entry(variant).kind is RunKind.ABLATION
    (tmp_path / "ablation" / "folds").mkdir()
    assert entry(variant).kind is RunKind.FOLD
    demo = write_run(tmp_path / "demo", record(), metrics())
    (demo / "corpus").mkdir()
    assert entry(demo).kind is RunKind.DEMO


def test_what_cannot_be_read_is_listed_all_the_same(tmp_path):
    damaged = write_run(tmp_path / "a")
    foreign = write_run(tmp_path / "b", {"hello": "world"})
    unknown = write_run(tmp_path / "c", record(status="dancing"))
    found = find_runs([tmp_path])
    assert [run.name for run in found] == list(map(str, (damaged, foreign, unknown)))
    assert [run.status for run in found] == ["damaged", "foreign", "foreign"]
    assert {run.kind for run in found} == {RunKind.UNKNOWN}
    assert "metrics.json is missing" in found[0].reason


def test_every_run_is_found_once(tmp_path):
    for name in ("a", "deep/down/b", "deep/c", ".hidden/d", "a/inside"):
        write_run(tmp_path / name, record(), metrics())
    (tmp_path / "link").symlink_to(tmp_path / "deep")
    found = find_runs([tmp_path, tmp_path / "deep", tmp_path])
    assert [run.name.removeprefix(f"{tmp_path}/") for run in found] == [
        "a",
        "deep/c",
        "deep/down/b",
    ]


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(DataError, match="expected a folder with runs"):
        find_runs([tmp_path / "nowhere"])


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A line of the book to vary."""
    return entry(write_run(tmp_path_factory.mktemp("base") / "a", record(), metrics()))


FIGURES = st.none() | st.floats(0, 1)
LINES = st.lists(st.tuples(FIGURES, st.sampled_from(RunKind), st.sampled_from(RunStatus)))


def variations(base, lines):
    return [
        replace(base, name=f"run{number:02}", test_f1=figure, kind=kind, status=status)
        for number, (figure, kind, status) in enumerate(lines)
    ]


@given(LINES, st.sampled_from(SortKey), st.booleans())
def test_sorting_loses_nothing_and_puts_the_unknown_last(base, lines, key, reverse):
    entries = variations(base, lines)
    in_order = sort_runs(entries, key, reverse=reverse)
    assert sorted(in_order, key=lambda run: run.name) == entries
    if key is SortKey.TEST:
        figures = [run.test_f1 for run in in_order]
        known = [figure for figure in figures if figure is not None]
        assert figures == sorted(known, reverse=not reverse) + [None] * (len(entries) - len(known))
    if key is SortKey.NAME:
        assert in_order == (entries[::-1] if reverse else entries)


@given(LINES, st.sets(st.sampled_from(RunKind)), st.sets(st.sampled_from(RunStatus)))
def test_a_selection_and_the_rest_are_all(base, lines, kinds, statuses):
    entries = variations(base, lines)
    chosen = select_runs(entries, kinds=kinds, statuses=statuses)
    for run in entries:
        fits = (not kinds or run.kind in kinds) and (not statuses or run.status in statuses)
        assert (run in chosen) == fits


def test_profiles_are_selected_by_name(base):
    entries = [base, replace(base, profile="rag9"), replace(base, profile=None)]
    assert select_runs(entries, profiles=["rag9"]) == entries[1:2]
    assert select_runs(entries) == entries
