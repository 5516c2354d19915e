"""A profile is of the stated lengths, its stages add up, and its figures follow from each other."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from ossamma.pipeline.profiling import (
    LATENCY,
    LENGTHS,
    PLAN_LENGTH,
    THROUGHPUT,
    ProfileRequest,
    profile_bundle,
    profile_calls,
)
from ossamma.pipeline.stage_clock import Stage
from ossamma.schema.errors import BundleError, ConfigurationError
from tests import tiny


@pytest.fixture(scope="module")
def profile(trained):
    """A profile of the tiny run."""
    heard = []
    request = ProfileRequest(
        bundle=trained.request.out,
        lengths=(PLAN_LENGTH, 12, 64, 12),
        batch=3,
        runs=4,
        text=trained.request.test,
    )
    content = profile_bundle(request, heard.append)
    assert heard == [12, 64, PLAN_LENGTH]
    return content


def test_it_is_plain_json_and_says_what_was_measured(profile, trained):
    assert json.loads(json.dumps(profile)) == profile
    assert profile["bundle"] == str(trained.request.out)
    assert profile["text"] == str(trained.request.test)
    assert (profile["batch"], profile["runs"], profile["batch_runs"]) == (3, 4, 3)
    assert "torch" in profile["hardware"]
    model = trained.outcome.recogniser.model
    assert profile["parameters"] == sum(parameter.numel() for parameter in model.parameters())


def test_lengths_are_in_order_and_hardly_missed(profile):
    lengths = profile["lengths"]
    assert [row["length"] for row in lengths] == [12, 64, PLAN_LENGTH]
    for row in lengths:
        assert row["length"] - 8 <= row["pieces"] <= row["length"]
        assert 0 < row["words"] < row["pieces"]
    assert all(one["words"] < other["words"] for one, other in pairwise(lengths))


@pytest.mark.parametrize("kind", ["alone", "together"])
def test_stages_add_up_to_the_call(profile, kind):
    for row in profile["lengths"]:
        calls = row[kind]
        assert set(calls["stages_ms"]) == {stage.value for stage in Stage}
        assert min(calls["stages_ms"].values()) >= 0.0
        assert calls["sum_of_stages_ms"] == pytest.approx(sum(calls["stages_ms"].values()))
        # What lies between is the reading of two clocks.
        assert calls["sum_of_stages_ms"] <= calls["clocked_ms"]
        assert calls["sum_of_stages_ms"] > 0.5 * calls["clocked_ms"]


@pytest.mark.parametrize("kind", ["alone", "together"])
def test_times_are_in_their_order(profile, kind):
    for row in profile["lengths"]:
        calls = row[kind]
        in_order = [calls["best_ms"], *calls["ms"].values(), calls["worst_ms"]]
        assert in_order == sorted(in_order)
        assert list(calls["ms"]) == ["p50", "p90", "p95", "p99"]
        assert calls["best_ms"] <= calls["mean_ms"] <= calls["worst_ms"]


def test_rates_follow_from_the_batch(profile):
    for row in profile["lengths"]:
        rate = 3_000.0 / row["together"]["ms"]["p50"]
        assert row["sequences_per_second"] == pytest.approx(rate)
        assert row["pieces_per_second"] == pytest.approx(rate * row["pieces"])
        assert row["words_per_second"] == pytest.approx(rate * row["words"])


def test_the_plan_stands_beside_what_was_measured(profile):
    latency, throughput = profile["plan"]
    row = profile["lengths"][-1]
    assert latency["measured"] == row["alone"]["ms"]["p50"]
    assert latency["met"] == (latency["measured"] < 50)
    assert throughput["measured"] == row["sequences_per_second"]
    assert throughput["met"] == (throughput["measured"] > 100)
    assert [each["plan"] for each in (latency, throughput)] == ["< 50", "> 100"]


def test_the_plans_figures_are_strict():
    assert LATENCY.is_met(49.9)
    assert not LATENCY.is_met(50.0)
    assert THROUGHPUT.is_met(100.1)
    assert not THROUGHPUT.is_met(100.0)


def test_without_the_plans_length_nothing_is_said_of_the_plan(trained):
    request = ProfileRequest(bundle=trained.request.out, lengths=(8,), batch=1, runs=1)
    content = profile_bundle(request)
    assert content["plan"] == []
    assert content["text"] == "demonstration corpus"


def test_one_call_is_its_own_median():
    calls = profile_calls(tiny.recogniser(), ["Ada Lovelace slept ."], 1)
    assert set(calls.percentiles.values()) == {calls.best} == {calls.worst} == {calls.mean}


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"lengths": ()}, "lengths must be"),
        ({"lengths": (64, 3)}, "from 4 on"),
        ({"batch": 0}, "batch must be at least 1"),
        ({"runs": 0}, "runs must be at least 1"),
    ],
)
def test_what_cannot_be_measured_is_refused_at_birth(tmp_path, changes, complaint):
    with pytest.raises(ConfigurationError, match=complaint):
        ProfileRequest(bundle=tmp_path, **changes)


def test_a_device_that_is_not_there_is_refused(trained):
    for device in ("cuda:99", "abacus"):
        request = ProfileRequest(bundle=trained.request.out, device=device)
        with pytest.raises(ConfigurationError, match=f"got '{device}'"):
            profile_bundle(request)


def test_what_is_no_bundle_is_refused(tmp_path):
    with pytest.raises(BundleError):
        profile_bundle(ProfileRequest(bundle=tmp_path))


def test_the_plans_length_is_among_the_usual_ones():
    assert PLAN_LENGTH in LENGTHS
