"""A comparison shows all that differs, nothing that does not, and differences that add up."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.pipeline.run_compare import compare_runs, different, flat
from ossamma.schema.errors import CheckpointError, ConfigurationError
from tests.pipeline.run_folders import metrics, record, write_run

LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=4)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.dictionaries(st.text("abc", min_size=1, max_size=3), inner, min_size=1),
    max_leaves=12,
)


def leaves(tree, path=()):
    """All leaves of a tree with their paths, told slowly."""
    if not isinstance(tree, dict):
        return {path: tree}
    return {
        p: leaf for name, inner in tree.items() for p, leaf in leaves(inner, (*path, name)).items()
    }


@given(st.dictionaries(st.text("abc", min_size=1, max_size=3), TREES))
def test_flattening_keeps_every_leaf(tree):
    assert flat(tree) == {".".join(path): leaf for path, leaf in leaves(tree).items()}


def test_lists_of_mappings_are_numbered():
    assert flat({"texts": [{"w": 1}, {"w": 2}], "names": ["x"]}) == {
        "texts.0.w": 1,
        "texts.1.w": 2,
        "names": ["x"],
    }


@given(st.lists(st.dictionaries(st.sampled_from("abcd"), LEAVES), min_size=1, max_size=4))
def test_exactly_what_differs_is_shown(contents):
    rows = different(contents)
    for name in {key for each in contents for key in each}:
        values = [each.get(name) for each in contents]
        assert (name in rows) == any(value != values[0] for value in values)
        assert name not in rows or list(rows[name]) == values


@pytest.fixture
def two(tmp_path):
    changed = record(
        recipe={
            "preset": "mini",
            "model": {"hidden_size": 32, "use_crf": True},
            "training": {"seed": 1, "learning_rate": 0.01, "patience": 3},
        },
        versions={"torch": "2.14.0"},
        closed_world=["EVENT"],
    )
    return [
        write_run(tmp_path / "a", record(), metrics(0.5, 0.4)),
        write_run(tmp_path / "b", changed, metrics(0.25, None), log=({"step": 1, "loss": 3.0},)),
    ]


def test_settings_by_the_names_that_set_takes(two):
    found = compare_runs(two)
    assert found.settings == {
        "closed_world": ([], ["EVENT"]),
        "model.hidden_size": (16, 32),
        "training.patience": (None, 3),
    }
    assert found.versions == {"torch": ("2.13.0", "2.14.0")}
    assert (found.data, found.machine, found.notes) == ({}, {}, ())


def test_scores_are_against_the_first_run(two):
    scores = compare_runs(two).scores
    assert scores["dev micro f1"].values == (0.5, 0.25)
    assert scores["dev micro f1"].differences == (0.0, -0.25)
    assert scores["test micro f1"].values == (0.4, None)
    assert scores["test micro f1"].differences == (0.0, None)
    turned = compare_runs(two[::-1]).scores
    assert turned["dev PLACE f1"].differences[1] == -scores["dev PLACE f1"].differences[1]
    assert turned["test micro f1"].differences == (None, None)


def test_curves_are_those_of_the_logs(two):
    curves = compare_runs(two).curves
    assert curves == {
        "loss": (((0.5, 2.0), (1.5, 1.0)), ((1.0, 3.0),)),
        "eval_f1": (((1.0, 0.25), (2.0, 0.5)), ()),
    }


def test_json_is_plain(two):
    content = compare_runs(two).to_json()
    assert json.loads(json.dumps(content)) == content
    assert content["runs"] == list(map(str, two))


def test_a_run_equals_itself(two):
    found = compare_runs([two[0]] * 3)
    assert not any((found.settings, found.data, found.versions, found.machine, found.notes))
    assert all(set(row.differences) == {0.0} for row in found.scores.values())


def test_scores_on_other_files_are_not_to_be_compared(tmp_path):
    other = record(status="failed")
    other["data"]["test"]["sha256"] = "c" * 64
    runs = [
        write_run(tmp_path / "a", record(), metrics()),
        write_run(tmp_path / "b", other, metrics()),
    ]
    found = compare_runs(runs)
    assert found.data == {"test.sha256": ("b" * 64, "c" * 64)}
    assert any("test files differ" in note for note in found.notes)
    assert any("do not stand alike" in note for note in found.notes)


def test_faults_are_refused(two, tmp_path):
    with pytest.raises(ConfigurationError, match="at least two"):
        compare_runs(two[:1])
    with pytest.raises(CheckpointError, match="not a run"):
        compare_runs([two[0], tmp_path])
