"""Laws of the labeller: fast equals slow, marks are disjoint, people's marks win."""

from __future__ import annotations

from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.data.autolabel.labeller import Labeller
from ossamma.data.autolabel.lexicon import Lexicon, Source, Term
from ossamma.data.autolabel.patterns import Pattern
from ossamma.data.autolabel.rules import PATTERNS_FILE, read_patterns
from ossamma.schema.spans import Annotation, Document
from tests.data.autolabel.strategies import lexicons, texts

PATTERN = Pattern(name="ab", regex="a[b-]{1,3}", labels=("P",), confidence=0.5, priority=3)
PIECES = st.sampled_from(
    [
        "CVE-2017-0144", "cve", "1.2.3[.]4", "8.8.8.200", "hxxp://", "evil[.]com", "evil.com", "/a",
        "a@b.org", "(dot)", "[at]", "T1566.001", "G0016", "group", "cmd.exe", "C:\\", "x\\y",
        "HKLM\\Software\\Run", "0123456789abcdef" * 2, "APT28", "IEC 62443-3-3", "::1", "fe80::1:2",
        "Trojan.Win32.X", "zero-day", "/etc/passwd", " ", " ", "\n", "-", ".", "ß", "İ", "(", "]",
        ":",
    ]
)  # fmt: skip


@given(lexicons(), texts)
def test_the_fast_labels_are_the_slow_ones(lexicon, text):
    labeller = Labeller(lexicon, [PATTERN])
    assert labeller.label(text) == labeller.label_slowly(text)


@pytest.fixture(scope="module")
def shipped():
    """The shipped patterns beside a name that occurs within their matches."""
    patterns = read_patterns(files("ossamma.profiles").joinpath("ner11", PATTERNS_FILE))
    terms = (Term("evil", ("M",), "s"), Term("APT28", ("G",), "s"), Term("group", ("G",), "s"))
    return Labeller(Lexicon(terms, {"s": Source(name="s")}), patterns)


@given(st.lists(PIECES, max_size=14).map("".join))
def test_the_shipped_patterns_are_tried_wherever_they_match(shipped, text):
    assert shipped.label(text) == shipped.label_slowly(text)


@given(lexicons(), texts)
def test_marks_are_disjoint_sorted_and_say_where_they_come_from(lexicon, text):
    labeller = Labeller(lexicon, [PATTERN])
    end = 0
    for mark in labeller.label(text):
        assert end <= mark.start < mark.end <= len(text)
        assert mark.origin == "pattern:ab" or mark.origin.startswith("lexicon:")
        assert 0.0 < mark.confidence <= 1.0
        assert labeller.labels.issuperset(mark.labels)
        end = mark.end


LABELLER = Labeller(
    Lexicon(
        (
            Term("Winnti", ("G", "M"), "names"),
            Term("Acme", ("V",), "names"),
            Term("Acme Reader", ("S",), "names"),
        ),
        {"names": Source(name="names", confidence=0.9)},
    ),
    [Pattern(name="cve", regex="cve-[0-9]{4}", labels=("C",), confidence=0.99)],
)
TEXT = "Winnti hit Acme Reader by CVE-2017."
WINNTI = Annotation(0, 6, ("G", "M"), "lexicon:names", 0.9)
READER = Annotation(11, 22, ("S",), "lexicon:names", 0.9)
CVE = Annotation(26, 34, ("C",), "pattern:cve", 0.99)


def labelled(annotations, annotates):
    document = Document("d", TEXT, annotations=annotations, annotates=annotates, group="g")
    (result,) = LABELLER.label_documents([document])
    assert (result.id, result.text, result.group) == ("d", TEXT, "g")
    return result.annotations, result.annotates


def test_plain_text_gets_marks_that_claim_nothing_of_the_rest():
    assert labelled(None, None) == ((WINNTI, READER, CVE), frozenset())
    assert labelled(None, frozenset({"C"})) == ((WINNTI, READER, CVE), frozenset())


def test_text_marked_for_all_types_stays():
    gold = (Annotation(0, 6, ("G",)),)
    assert labelled(gold, None) == (gold, None)
    assert labelled((), None) == ((), None)


def test_types_that_people_marked_exhaustively_get_no_marks():
    assert labelled((), frozenset({"C"})) == ((WINNTI, READER), frozenset({"C"}))
    assert labelled((), frozenset({"M", "S"})) == ((CVE,), frozenset({"M", "S"}))


def test_people_win_where_marks_overlap():
    gold = (Annotation(11, 15, ("V",)), Annotation(30, 35, ("X",)))
    assert labelled(gold, frozenset()) == ((WINNTI, *gold), frozenset())


@given(
    st.none() | st.sets(st.sampled_from("GMSVCX")).map(frozenset),
    st.none() | st.sets(st.integers(0, len(TEXT) - 1), max_size=4),
)
def test_labelling_twice_is_labelling_once(annotates, starts):
    gold = None if starts is None else tuple(Annotation(s, s + 1, ("X",)) for s in sorted(starts))
    document = Document("d", TEXT, annotations=gold, annotates=annotates)
    (once,) = LABELLER.label_documents([document])
    assert list(LABELLER.label_documents([once])) == [once]
    assert set(gold or ()) <= set(once.annotations)


def test_documents_are_not_read_ahead():
    seen = []

    def stream():
        for number in range(3):
            seen.append(number)
            yield Document(str(number), TEXT)

    labelled_stream = LABELLER.label_documents(stream())
    assert next(labelled_stream).id == "0"
    assert seen == [0]
