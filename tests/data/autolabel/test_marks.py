"""Laws of choosing among overlapping marks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ossamma.data.autolabel.marks import Mark, choose, choose_slowly

marks = st.lists(
    st.builds(
        lambda start, length, label, origin, priority: Mark(
            start, start + length, (label,), origin, 0.5, priority
        ),
        st.integers(0, 20),
        st.integers(1, 6),
        st.sampled_from("XY"),
        st.sampled_from(["lexicon:a", "pattern:b"]),
        st.integers(0, 2),
    ),
    max_size=12,
)


@given(marks)
def test_the_choice_is_that_of_the_definition(proposed):
    assert choose(proposed) == choose_slowly(proposed)


@given(marks, st.randoms(use_true_random=False))
def test_the_order_of_proposals_does_not_matter(proposed, random):
    shuffled = list(proposed)
    random.shuffle(shuffled)
    assert choose(shuffled) == choose(proposed)


@given(marks)
def test_chosen_marks_are_disjoint_and_none_could_be_added(proposed):
    chosen = choose(proposed)
    covered = [place for mark in chosen for place in range(mark.start, mark.end)]
    assert len(covered) == len(set(covered))
    for mark in proposed:
        assert mark in chosen or set(covered) & set(range(mark.start, mark.end))


def mark(start, end, priority=0):
    return Mark(start, end, ("X",), "lexicon:a", 0.5, priority)


def test_longest_then_priority_then_leftmost():
    assert choose([mark(0, 3, 9), mark(2, 6)]) == [mark(2, 6)]
    assert choose([mark(0, 3), mark(2, 5, 1)]) == [mark(2, 5, 1)]
    assert choose([mark(0, 3), mark(2, 5), mark(4, 7)]) == [mark(0, 3), mark(4, 7)]
