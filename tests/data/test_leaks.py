from __future__ import annotations

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.data.leaks import (
    HeldOut,
    LeakSettings,
    clean,
    find_leak,
    shared_sentences_reference,
)
from ossamma.data.sentences import compared_spans
from ossamma.schema.errors import ConfigurationError
from ossamma.schema.spans import Annotation, Document, Span

LONG = "The quick brown fox jumps over the lazy dog and runs"
OTHER = "Nobody ever saw it again, they said in the village later on"


def document(text: str, name: str = "d", **fields) -> Document:
    return Document(name, text, **fields)


def held_out(*texts: str, **settings) -> HeldOut:
    held = HeldOut(LeakSettings(**settings))
    for number, text in enumerate(texts):
        held.add(document(text, f"t{number}"), "test")
    return held


def kinds(one: Document, held: HeldOut) -> list[tuple[str, int]]:
    return [(shared.kind, shared.held) for shared in held.shared(one)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (LONG.upper() + " ", [("exact", 0), ("sentence", 0)]),
        (LONG.replace("The", "The,"), [("near", 0), ("sentence", 0)]),
        (f"{OTHER}. {LONG}. {OTHER}.", [("sentence", 0)]),
        (f"they said {LONG.lower()} and nobody of them ever came back again", [("sentence", 0)]),
        (LONG.removesuffix(" runs") + " is gone for ever and ever they all said", []),
        (OTHER, []),
        ("", []),
    ],
)
def test_what_is_shared(text, expected):
    assert kinds(document(text), held_out(LONG)) == expected


def test_a_short_sentence_is_no_leak():
    held = held_out("He did it. She saw it.")
    assert kinds(document("They said: He did it. She saw it."), held) == []
    # All of it is eight words or more only if the sentences were one.
    assert kinds(document("He did it. She saw it."), held) == [("exact", 0)]


JOINTS = (
    " ",
    "\n",
    " <sup>[[note]]</sup> ",
    " curl does. ",
    " \u2013 ",
    ') "',
    " (see [1]) ",
    " \u201c",
)
SENTENCES = (
    LONG,
    OTHER,
    "Dr. Who saw e.g. the U.S. of old and new times go by",
    "It rained. It ended",
)


def told_apart(text: str) -> set[tuple[str, ...]]:
    """The long runs of words between stops and line ends, found in another way."""
    runs = re.split(r"(?<=[.!?])\s+|\n", text)
    words = (tuple(re.findall(r"\w+", run.lower())) for run in runs)
    return {each for each in words if len(each) >= 8}


TEXTS = st.lists(st.tuples(st.sampled_from(SENTENCES), st.sampled_from(JOINTS)), min_size=1).map(
    lambda parts: "".join(f"{sentence}.{joint}" for sentence, joint in parts)
)


@given(TEXTS, TEXTS)
def test_no_text_between_two_stops_is_left_whatever_stands_around_it(held_text, text):
    [(remaining, _)] = clean([document(text)], held_out(held_text))
    left = told_apart(remaining.text) if remaining else set()
    assert not left & told_apart(held_text)


def test_a_source_that_marks_its_sentences_is_compared_between_stops_too():
    text = f"{LONG}. And more of it"
    words = tuple(compared_spans(text))
    held = HeldOut(LeakSettings())
    held.add(document(text, words=words, sentence_starts=(0,)), "test")
    assert kinds(document(f"{OTHER}. {LONG}. {OTHER}."), held) == [("sentence", 0)]


@pytest.mark.parametrize(("num_words", "is_long"), [(10, True), (11, True), (12, False)])
def test_the_number_of_words_that_makes_a_sentence_long(num_words, is_long):
    one = document(f"{OTHER}. {LONG}.")
    assert bool(kinds(one, held_out(LONG, sentence_words=num_words))) == is_long


def test_all_copies_of_a_held_out_document_are_named():
    assert kinds(document(LONG), held_out(LONG, OTHER, LONG, near=None))[:2] == [
        ("exact", 0),
        ("exact", 2),
    ]
    near = kinds(document(LONG.replace("The", "The,")), held_out(LONG, LONG))
    assert near == [("near", 0), ("near", 1), ("sentence", 0), ("sentence", 1)]


words = st.lists(st.sampled_from(["a", "b", "c.", "D"]), max_size=14).map(" ".join)


@given(st.lists(words, max_size=3), words)
def test_shared_sentences_equal_their_definition(held_texts, text):
    held = held_out(*held_texts, sentence_words=3, near=None)
    one = document(text)
    expected = {
        (number, *place)
        for number, held_text in enumerate(held_texts)
        for place in shared_sentences_reference(one, document(held_text), 3)
    }
    found = {
        (shared.held, shared.place.start, shared.place.end)
        for shared in held.shared(one)
        if shared.kind == "sentence"
    }
    assert found == expected


@given(st.lists(words, max_size=3), st.lists(words, max_size=5))
def test_what_many_documents_share_is_what_each_shares(held_texts, texts):
    held = held_out(*held_texts, *held_texts[:1], sentence_words=3)
    documents = [document(text, str(number)) for number, text in enumerate(texts)]
    found = held.shared_by_each(documents, held.prints(documents))
    assert found == [list(held.shared(one)) for one in documents]
    assert held.is_shared_by_each(documents, held.prints(documents)) == list(map(bool, found))


def test_sentences_are_found_among_thousands_in_texts_of_any_script():
    """The table of anchors grows on the way."""
    generator = random.Random(0)
    vocabulary = ["\u03b1\u03b2", "na\u00efve", "x", *(f"w{n}" for n in range(500))]
    sentences = [" ".join(generator.choices(vocabulary, k=9)) for _ in range(4000)]
    held = held_out(*sentences[:3000], near=None)
    documents = [
        document(f"He said \u2018{one}\u2019 and {other}.", str(number))
        for number, (one, other) in enumerate(zip(sentences[::2], sentences[1::2], strict=True))
    ]
    found = held.shared_by_each(documents, held.prints(documents))
    assert found == [list(held.shared(one)) for one in documents]
    assert [{shared.held for shared in each} for each in found[:1500]] == [
        {2 * number, 2 * number + 1} for number in range(1500)
    ]
    assert not any(found[1500:])


def test_the_gravest_leak_is_named_with_the_sentences_that_must_go():
    text = f"{OTHER}. And {LONG}. {OTHER}."
    leak = find_leak(document(text), held_out(LONG))
    assert (leak.kind, leak.held_split, leak.held_id) == ("sentence", "test", "t0")
    assert [text[s.start : s.end] for s in leak.sentences] == [f"And {LONG}."]


def test_a_leak_outside_of_the_source_s_words_is_still_placed():
    text = f"{LONG} end"
    one = document(text, words=(Span(len(LONG) + 1, len(text)),), sentence_starts=(0,))
    leak = find_leak(one, held_out(LONG, near=None))
    assert leak.sentences == (Span(0, len(LONG)),)
    assert next(clean([one], held_out(LONG, near=None)))[0].text == "end"


def test_cleaning_drops_documents_and_cuts_sentences():
    marks = (Annotation(4, 9, ("A",)), Annotation(54, 60, ("B",)))
    train = [
        document(LONG, "exact"),
        document(LONG + "!", "near"),
        document(f"{LONG}. {OTHER}.", "part", annotations=marks),
        document(OTHER, "clean"),
    ]
    results = list(clean(train, held_out(LONG)))
    assert [None if leak is None else leak.kind for _, leak in results] == [
        "exact",
        "near",
        "sentence",
        None,
    ]
    assert [remaining and remaining.text for remaining, _ in results] == [
        None,
        None,
        f"{OTHER}.",
        OTHER,
    ]
    part = results[2][0]
    assert [part.text[m.start : m.end] for m in part.annotations] == ["Nobody"]
    assert results[3][0] is train[3]


@given(st.lists(words, max_size=3), st.lists(words, max_size=4))
def test_what_is_cleaned_has_no_leak_and_clean_documents_stay_as_they_are(held_texts, train):
    held = held_out(*held_texts, sentence_words=3)
    documents = [document(text, str(number)) for number, text in enumerate(train)]
    results = list(clean(documents, held))
    assert len(results) == len(documents)
    for before, (remaining, leak) in zip(documents, results, strict=True):
        assert (remaining is before) == (leak is None)
        if remaining is not None:
            assert list(held.shared(remaining)) == []


def test_cleaning_a_stream_reads_no_further_than_it_must():
    generator = random.Random(0)
    stream = iter([document(f"number {generator.random()}") for _ in range(3)])
    next(clean(stream, held_out(LONG)))
    assert len(list(stream)) == 2


def test_impossible_settings():
    with pytest.raises(ConfigurationError, match="sentence_words"):
        LeakSettings(sentence_words=0)
