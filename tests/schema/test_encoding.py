"""Tags and spans: every short sequence against brute force, round trips, and edge sentences."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.schema.encoding import (
    LegalBio,
    Repair,
    Scheme,
    TypedSpan,
    decode_tags,
    detect_scheme,
    encode_tags,
    first_illegal,
    legal_bio,
    scheme_letters,
    split_tag,
)
from ossamma.schema.errors import AnnotationError, LabelError, SpanError
from ossamma.schema.labels import LabelSet

LENGTHS = range(5)
every_scheme = pytest.mark.parametrize("scheme", list(Scheme))


def all_span_sets(num_words: int, first: int = 0) -> Iterator[list[TypedSpan]]:
    """Every set of disjoint spans of types X and Y in a sentence."""
    yield []
    for start in range(first, num_words):
        for end in range(start + 1, num_words + 1):
            for label in "XY":
                for rest in all_span_sets(num_words, end):
                    yield [TypedSpan(start, end, label), *rest]


def all_tag_sequences(scheme: Scheme, num_words: int) -> Iterator[tuple[str, ...]]:
    """Every sequence over the scheme's tags of types X and Y, legal or not."""
    letters = sorted(scheme_letters(scheme) - {"O"})
    tags = ["O", *(f"{letter}-{label}" for letter in letters for label in "XY")]
    return itertools.product(tags, repeat=num_words)


def legal_sequences(scheme: Scheme, num_words: int) -> set[tuple[str, ...]]:
    """What the scheme can write at all: the spelling of every set of spans."""
    return {
        tuple(encode_tags(spans, num_words, scheme=scheme)) for spans in all_span_sets(num_words)
    }


def conlleval_spans(tags: tuple[str, ...]) -> list[TypedSpan]:
    """The entities by the shared task's rule, one question per word: does one begin, is it over."""
    spans: list[TypedSpan] = []
    open_at: int | None = None
    for index in range(len(tags) + 1):
        letter, _, label = (tags[index] if index < len(tags) else "O").partition("-")
        before, _, label_before = (tags[index - 1] if index else "O").partition("-")
        goes_on = label == label_before and before in {"B", "I"} and letter in {"I", "E"}
        if open_at is not None and not goes_on:
            spans.append(TypedSpan(open_at, index, label_before))
            open_at = None
        if letter != "O" and not goes_on:
            open_at = index
    return spans


@st.composite
def sentences(draw: st.DrawFn) -> tuple[list[TypedSpan], int]:
    """Disjoint spans, often touching, and the length of their sentence."""
    spans: list[TypedSpan] = []
    end = 0
    for _ in range(draw(st.integers(0, 6))):
        first = end + draw(st.integers(0, 2))
        end = first + draw(st.integers(1, 4))
        label = draw(st.sampled_from(["PER", "creative-work", "B-X", "é/ü", "EVENT|WORK"]))
        spans.append(TypedSpan(first, end, label))
    return spans, end + draw(st.integers(0, 2))


@every_scheme
@given(case=sentences())
def test_decode_inverts_encode(scheme, case):
    spans, num_words = case
    tags = encode_tags(spans, num_words, scheme=scheme)
    assert len(tags) == num_words
    for repair in Repair:
        assert decode_tags(tags, scheme=scheme, repair=repair) == (spans, 0)


@every_scheme
@given(case=sentences(), data=st.data())
def test_encode_does_not_mind_the_order_of_spans(scheme, case, data):
    spans, num_words = case
    shuffled = data.draw(st.permutations(spans))
    expected = encode_tags(spans, num_words, scheme=scheme)
    assert encode_tags(shuffled, num_words, scheme=scheme) == expected


@every_scheme
@pytest.mark.parametrize("num_words", LENGTHS)
def test_the_tables_allow_exactly_what_can_be_written(scheme, num_words):
    allowed = {
        tags
        for tags in all_tag_sequences(scheme, num_words)
        if first_illegal(tags, scheme=scheme) is None
    }
    assert allowed == legal_sequences(scheme, num_words)


@every_scheme
@pytest.mark.parametrize("num_words", LENGTHS)
def test_repair_counts_the_tags_that_differ_from_the_result(scheme, num_words):
    legal = legal_sequences(scheme, num_words)
    for tags in all_tag_sequences(scheme, num_words):
        spans, repaired = decode_tags(tags, scheme=scheme)
        clean = encode_tags(spans, num_words, scheme=scheme)
        assert spans == conlleval_spans(tags)
        assert repaired == sum(given != kept for given, kept in zip(tags, clean, strict=True))
        assert (repaired == 0) == (tags in legal)


@every_scheme
@pytest.mark.parametrize("num_words", LENGTHS)
def test_discard_keeps_legal_entities_only(scheme, num_words):
    legal = legal_sequences(scheme, num_words)
    for tags in all_tag_sequences(scheme, num_words):
        lenient, _ = decode_tags(tags, scheme=scheme)
        spans, repaired = decode_tags(tags, scheme=scheme, repair=Repair.DISCARD)
        assert set(spans) <= set(lenient)
        assert (repaired == 0) == (tags in legal)
        assert (spans == lenient) or tags not in legal


@every_scheme
def test_error_refuses_exactly_the_illegal(scheme):
    legal = legal_sequences(scheme, 3)
    for tags in all_tag_sequences(scheme, 3):
        if tags in legal:
            decode_tags(tags, scheme=scheme, repair=Repair.ERROR)
            continue
        illegal = first_illegal(tags, scheme=scheme)
        assert illegal is not None
        assert 0 <= illegal.word < 3
        with pytest.raises(AnnotationError, match=scheme.name):
            decode_tags(tags, scheme=scheme, repair=Repair.ERROR)


def spans_of(text: str) -> list[TypedSpan]:
    """Read "0-2 X, 2-3 Y"."""
    parts = [part.split() for part in text.split(",") if part.strip()]
    return [TypedSpan(*map(int, words.split("-")), label) for words, label in parts]


# tags | scheme | conlleval: spans and repaired tags | discard: spans and repaired tags
EDGES = [
    ("", "IOB2", "", 0, "", 0),
    ("O O", "IOB2", "", 0, "", 0),
    ("B-X", "IOB2", "0-1 X", 0, "0-1 X", 0),
    ("B-X B-X", "IOB2", "0-1 X, 1-2 X", 0, "0-1 X, 1-2 X", 0),
    ("B-X I-X O", "IOB2", "0-2 X", 0, "0-2 X", 0),
    ("I-X", "IOB2", "0-1 X", 1, "", 1),
    ("O I-X I-X", "IOB2", "1-3 X", 1, "", 2),
    ("B-X I-Y", "IOB2", "0-1 X, 1-2 Y", 1, "0-1 X", 1),
    ("B-X I-Y I-X", "IOB2", "0-1 X, 1-2 Y, 2-3 X", 2, "0-1 X", 2),
    ("B-X O I-X", "IOB2", "0-1 X, 2-3 X", 1, "0-1 X", 1),
    ("I-X I-X", "IOB1", "0-2 X", 0, "0-2 X", 0),
    ("I-X B-X", "IOB1", "0-1 X, 1-2 X", 0, "0-1 X, 1-2 X", 0),
    ("I-X I-Y", "IOB1", "0-1 X, 1-2 Y", 0, "0-1 X, 1-2 Y", 0),
    ("B-X I-X", "IOB1", "0-2 X", 1, "", 2),
    ("I-X B-Y I-Y", "IOB1", "0-1 X, 1-3 Y", 1, "0-1 X", 2),
    ("S-X", "BIOES", "0-1 X", 0, "0-1 X", 0),
    ("B-X E-X", "BIOES", "0-2 X", 0, "0-2 X", 0),
    ("B-X I-X E-X S-X", "BIOES", "0-3 X, 3-4 X", 0, "0-3 X, 3-4 X", 0),
    ("B-X", "BIOES", "0-1 X", 1, "", 1),
    ("B-X I-X", "BIOES", "0-2 X", 1, "", 2),
    ("I-X", "BIOES", "0-1 X", 1, "", 1),
    ("E-X", "BIOES", "0-1 X", 1, "", 1),
    ("S-X I-X", "BIOES", "0-1 X, 1-2 X", 1, "0-1 X", 1),
    ("B-X E-Y", "BIOES", "0-1 X, 1-2 Y", 2, "", 2),
    ("B-X B-Y E-Y", "BIOES", "0-1 X, 1-3 Y", 1, "1-3 Y", 1),
    ("E-X E-X", "BIOES", "0-1 X, 1-2 X", 2, "", 2),
    ("B-X L-X U-Y", "BIOES", "0-2 X, 2-3 Y", 0, "0-2 X, 2-3 Y", 0),
    ("B-X M-X E-X", "BIOES", "0-3 X", 0, "0-3 X", 0),
]


@pytest.mark.parametrize(
    ("tags", "scheme", "lenient", "num_lenient", "strict", "num_strict"),
    EDGES,
    ids=[f"{row[1]}: {row[0] or 'empty'}" for row in EDGES],
)
def test_edge_sentences(tags, scheme, lenient, num_lenient, strict, num_strict):
    words, scheme = tags.split(), Scheme[scheme]
    assert decode_tags(words, scheme=scheme) == (spans_of(lenient), num_lenient)
    discarded = decode_tags(words, scheme=scheme, repair=Repair.DISCARD)
    assert discarded == (spans_of(strict), num_strict)


@pytest.mark.parametrize(
    ("tags", "scheme", "word", "reason"),
    [
        ("O I-PER", Scheme.IOB2, 1, "I-PER cannot follow O in IOB2"),
        ("I-PER", Scheme.IOB2, 0, "I-PER cannot follow the start of the sentence in IOB2"),
        ("O B-PER", Scheme.IOB1, 1, "B-PER cannot follow O in IOB1"),
        ("O B-PER", Scheme.BIOES, 1, "a sentence cannot end after B-PER in BIOES"),
        ("B-PER O", Scheme.BIOES, 1, "O cannot follow B-PER in BIOES"),
        ("B-PER U-PER", Scheme.BIOES, 1, "S-PER cannot follow B-PER in BIOES"),
    ],
)
def test_the_first_illegal_tag_is_named(tags, scheme, word, reason):
    illegal = first_illegal(tags.split(), scheme=scheme)
    assert illegal is not None
    assert (illegal.word, illegal.reason) == (word, reason)


def test_the_error_says_what_to_do():
    with pytest.raises(AnnotationError, match=r"word 1: I-PER cannot follow O.*'conlleval'"):
        decode_tags(["O", "I-PER"], repair=Repair.ERROR)


@pytest.mark.parametrize(
    ("tag", "problem"),
    [
        ("PER", "no dash"),
        ("B", "no dash"),
        ("", "it is empty"),
        ("o", "no dash"),
        ("B_PER", "no dash"),
        ("B-", "type is empty"),
        ("-", "prefix '' is unknown"),
        ("-PER", "prefix '' is unknown"),
        ("X-PER", "prefix 'X' is unknown"),
        ("b-PER", "prefix 'b' is unknown"),
        ("O-PER", "prefix 'O' is unknown"),
        ("BI-PER", "prefix 'BI' is unknown"),
        ("B-a b", "white space"),
        ("B-A||B", "1-100 characters"),
        ("B-O", "is 'O'"),
        ("B-" + "x" * 101, "1-100 characters"),
    ],
)
def test_a_malformed_tag_is_named(tag, problem):
    for read in (split_tag, lambda tag: decode_tags([tag]), lambda tag: detect_scheme([[tag]])):
        with pytest.raises(LabelError) as caught:
            read(tag)
        assert repr(tag[:80]) in str(caught.value)
        assert problem in str(caught.value)


def test_a_type_may_contain_dashes_and_candidates():
    assert split_tag("B-creative-work") == ("B", "creative-work")
    assert split_tag("I-EVENT|WORK") == ("I", "EVENT|WORK")
    assert split_tag("O") == ("O", "")


@pytest.mark.parametrize("scheme", [Scheme.IOB1, Scheme.IOB2])
@pytest.mark.parametrize("tag", ["S-PER", "E-PER", "U-PER", "L-PER"])
def test_a_letter_of_another_scheme_is_refused(scheme, tag):
    with pytest.raises(LabelError, match=f"'{tag}' does not exist in {scheme.name}"):
        decode_tags(["O", tag], scheme=scheme)


@pytest.mark.parametrize(
    ("spans", "num_words", "message"),
    [
        ([TypedSpan(0, 2, "X"), TypedSpan(1, 3, "Y")], 3, r"Y on words \[1, 3\) overlaps X"),
        ([TypedSpan(0, 3, "X"), TypedSpan(1, 2, "X")], 3, "overlaps"),
        ([TypedSpan(0, 1, "X"), TypedSpan(0, 1, "X")], 3, "overlaps"),
        ([TypedSpan(1, 4, "X")], 3, r"\[1, 4\) ends beyond the sentence, which has 3 words"),
        ([TypedSpan(0, 1, "X")], 0, "ends beyond"),
    ],
)
@every_scheme
def test_impossible_spans_are_refused(scheme, spans, num_words, message):
    with pytest.raises(AnnotationError, match=message):
        encode_tags(spans, num_words, scheme=scheme)


@pytest.mark.parametrize(("first", "end"), [(0, 0), (2, 1), (-1, 1)])
def test_a_span_of_words_is_never_empty(first, end):
    with pytest.raises(SpanError, match="first_word < end_word"):
        TypedSpan(first, end, "X")


@every_scheme
@given(cases=st.lists(sentences(), max_size=5))
def test_a_detected_scheme_reads_what_was_written(scheme, cases):
    sequences = [encode_tags(spans, n, scheme=scheme) for spans, n in cases]
    detected = detect_scheme(sequences)
    for (spans, _), tags in zip(cases, sequences, strict=True):
        assert decode_tags(tags, scheme=detected) == (spans, 0)


@pytest.mark.parametrize(
    ("sequences", "scheme"),
    [
        ([], Scheme.IOB2),
        (["O O"], Scheme.IOB2),
        (["B-X"], Scheme.IOB2),
        (["B-X I-X O B-Y"], Scheme.IOB2),
        (["B-X B-X"], Scheme.IOB2),
        (["I-X"], Scheme.IOB1),
        (["I-X B-X O I-Y"], Scheme.IOB1),
        (["S-X"], Scheme.BIOES),
        (["B-X E-X O"], Scheme.BIOES),
        (["B-X L-X", "U-Y"], Scheme.BIOES),
        (["B-X M-X E-X"], Scheme.BIOES),
        # A few faults do not turn a file over.
        (["B-X I-X O B-X", "O I-X", "B-Y O B-X"], Scheme.IOB2),
        (["I-X O I-X", "O B-X", "I-Y O I-X"], Scheme.IOB1),
        (["B-X I-X O B-X O B-Y I-Y", "O S-X"], Scheme.IOB2),
        (["B-X E-X O S-X", "O B-X O"], Scheme.BIOES),
    ],
)
def test_detection(sequences, scheme):
    assert detect_scheme(sequence.split() for sequence in sequences) == scheme


@pytest.mark.parametrize("types", [("X",), ("X", "Y"), ("B-X", "X", "Z")])
def test_legal_bio_is_the_law_of_decoding(types):
    labels = LabelSet(types)
    start, transition = legal_bio(labels)
    assert len(start) == len(transition) == labels.num_tags
    for indices in itertools.product(range(labels.num_tags), repeat=2):
        tags = [labels.tags[index] for index in indices]
        left, right = indices
        by_tables = start[left] and transition[left][right]
        assert by_tables == (first_illegal(tags) is None)
        # Behind a word that any tag may follow, the transition alone decides.
        before = [labels.tags[max(left - 1, 0)]] if tags[0].startswith("I-") else []
        assert transition[left][right] == (first_illegal([*before, *tags]) is None)


def test_legal_bio_of_one_type():
    assert legal_bio(LabelSet(("X",))) == LegalBio(
        start=(True, True, False),
        transition=((True, True, False), (True, True, True), (True, True, True)),
    )


@pytest.mark.parametrize(
    ("name", "scheme"),
    [
        ("iob1", Scheme.IOB1),
        ("IOB2", Scheme.IOB2),
        ("BIO", Scheme.IOB2),
        ("bilou", Scheme.BIOES),
        ("BMES", Scheme.BIOES),
    ],
)
def test_schemes_go_by_their_usual_names(name, scheme):
    assert Scheme(name) is scheme


@pytest.mark.parametrize("name", ["io", "", 3, None])
def test_there_are_no_other_schemes(name):
    with pytest.raises(ValueError, match="is not a valid Scheme"):
        Scheme(name)
