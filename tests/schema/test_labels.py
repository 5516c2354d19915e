"""A label set orders its tags the same way for everyone, and refuses what it cannot be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.schema.errors import LabelError
from ossamma.schema.labels import LabelSet

# Hyphens and a leading B- are legal in a type's name, and are where a careless parser trips.
names = st.text("ABIO-_.é", min_size=1, max_size=6).filter(lambda name: name != "O")
label_sets = st.lists(names, min_size=1, max_size=6, unique=True).map(
    lambda types: LabelSet(tuple(types))
)


@given(label_sets)
def test_the_indices_are_those_of_the_tags(labels):
    assert labels.tags[0] == "O"
    for number, name in enumerate(labels.types):
        assert labels.tags[labels.begin(name)] == f"B-{name}"
        assert labels.tags[labels.inside(name)] == f"I-{name}"
        assert labels.type_index[name] == number
        assert labels.inside(name) == labels.begin(name) + 1 == 2 * number + 2
    assert [labels.tag_index[tag] for tag in labels.tags] == list(range(labels.num_tags))


@given(label_sets)
def test_a_set_can_be_rebuilt_from_its_tags(labels):
    assert LabelSet.from_tags(labels.tags) == labels
    assert LabelSet.from_tags(list(labels.tags)) == labels


@given(label_sets, st.randoms(use_true_random=False))
def test_tags_in_any_other_order_are_refused_or_mean_another_set(labels, random):
    tags = list(labels.tags)
    random.shuffle(tags)
    try:
        other = LabelSet.from_tags(tags)
    except LabelError:
        return
    assert list(other.tags) == tags


@pytest.mark.parametrize(
    "tags",
    [
        [],
        ["O"],
        ["LABEL_0", "LABEL_1"],  # what Hugging Face writes where nobody named the labels
        ["B-A", "I-A", "O"],
        ["O", "I-A", "B-A"],
        ["O", "B-A", "B-B", "I-A", "I-B"],
        ["O", "B-A", "I-A", "E-A", "S-A"],
        ["O", "B-A", "I-A", "B-A", "I-A"],
        ["O", "B-A"],
    ],
)
def test_tags_that_are_no_label_set_are_refused(tags):
    with pytest.raises(LabelError):
        LabelSet.from_tags(tags)


def test_foreign_tags_are_answered_with_the_order_that_is_wanted():
    with pytest.raises(LabelError, match=r"O, B-X, I-X, B-Y, I-Y, \.\.\. in order.*LABEL_0"):
        LabelSet.from_tags(["LABEL_0", "LABEL_1"])


@given(st.lists(names, min_size=1))
def test_of_sorts_and_keeps_each_type_once(types):
    assert LabelSet.of(types).types == tuple(sorted(set(types)))


@pytest.mark.parametrize(
    ("types", "complaint"),
    [
        ((), "at least one type"),
        (("A", "B", "A"), "must not repeat"),
        (("O",), "not 'O'"),
        (("",), "1-100 characters"),
        (("A B",), "white space"),
        (("A\n",), "white space"),
        (("A|B",), r"'\|'"),
        (("A" * 101,), "1-100 characters"),
    ],
)
def test_a_set_that_cannot_be_is_refused(types, complaint):
    with pytest.raises(LabelError, match=complaint):
        LabelSet(types)


@pytest.mark.parametrize("method", ["begin", "inside"])
def test_an_unknown_type_is_answered_with_the_known_ones(method):
    with pytest.raises(LabelError, match="'DOG'; the label set has CAT, COW"):
        getattr(LabelSet(("CAT", "COW")), method)("DOG")


def test_equal_sets_are_one_key():
    assert {LabelSet(("A", "B")), LabelSet(("A", "B")), LabelSet(("B", "A"))} == {
        LabelSet(("A", "B")),
        LabelSet(("B", "A")),
    }
