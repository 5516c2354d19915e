"""A lost type is found, however good the averages are; an unmeasured one is named as such."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.evaluation.collapse import check_collapse
from ossamma.evaluation.gates import Collapse, Verdict
from ossamma.evaluation.scores import Counts, Scores
from tests.evaluation.reports import report

GOOD = {"PERSON": (300, 10, 10), "PLACE": (300, 10, 10)}
TYPES = ("PERSON", "PLACE", "EVENT")


def verdict(counts, incumbent=None, types=(), **sections):
    made = report(counts, **sections)
    return check_collapse(Collapse(), made, None if incumbent is None else report(incumbent), types)


def test_all_types_are_well():
    assert verdict(GOOD)[0] is Verdict.PASS


@pytest.mark.parametrize("counts", [(0, 0, 40), (2, 0, 38), (30, 900, 10)])
def test_one_lost_type_fails_whatever_the_average(counts):
    """Never found, hardly ever found, and drowned in inventions."""
    found, reason = verdict(GOOD | {"EVENT": counts})
    assert found is Verdict.FAIL
    assert reason.startswith("EVENT has recall")


def test_a_type_that_was_never_measured_is_named():
    found, reason = verdict(GOOD, types=TYPES)
    assert found is Verdict.NOT_MEASURABLE
    assert "1 of 3 types have fewer than 20 gold mentions: EVENT 0" in reason


def test_a_lost_type_outweighs_an_unmeasured_one():
    assert verdict(GOOD | {"PLACE": (0, 0, 50)}, types=TYPES)[0] is Verdict.FAIL


def test_only_inventions_say_nothing_of_a_type():
    assert verdict(GOOD | {"EVENT": (0, 50, 0)})[0] is Verdict.NOT_MEASURABLE


def test_a_fall_against_the_incumbent():
    found, reason = verdict(GOOD | {"EVENT": (40, 60, 60)}, GOOD | {"EVENT": (90, 10, 10)})
    assert found is Verdict.FAIL
    assert reason == "EVENT fell from F1 0.900 to 0.400, by more than 1/2"
    assert (
        verdict(GOOD | {"EVENT": (60, 40, 40)}, GOOD | {"EVENT": (90, 10, 10)})[0] is Verdict.PASS
    )


def test_another_gold_file_is_no_comparison():
    found, reason = verdict(GOOD, GOOD, gold={"sha256": "another"})
    assert found is Verdict.NOT_MEASURABLE
    assert reason == "the incumbent was scored on another gold file"


def test_the_least_support_is_enough():
    assert verdict({"EVENT": (20, 0, 0)})[0] is Verdict.PASS
    assert verdict({"EVENT": (19, 0, 0)})[0] is Verdict.NOT_MEASURABLE


def test_many_names_are_counted():
    lost = {f"T{number:02}": (0, 0, 30) for number in range(20)}
    assert verdict(GOOD | lost)[1].endswith("and 14 more")


@given(st.builds(Counts, *[st.integers(0, 60)] * 3))
def test_the_definition(counts):
    content = {"types": ["EVENT"], "scores": Scores({"EVENT": counts}, 1).to_json()}
    found = check_collapse(Collapse(), content, None)[0]
    if counts.support < 20:
        assert found is Verdict.NOT_MEASURABLE
    else:
        lost = counts.recall < 0.1 or counts.f1 < 0.1
        assert found is (Verdict.FAIL if lost else Verdict.PASS)
