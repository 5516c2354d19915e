"""Stand-off files of brat: pairs, fragments, other lines, and everything malformed."""

from __future__ import annotations

import re
from itertools import accumulate
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossamma.data.readers.brat import BratFormat, read_brat
from ossamma.schema.errors import ConfigurationError, DataError, FormatError
from ossamma.schema.spans import Annotation, Document, Provenance
from tests.data.readers.laws import check_laws, damaged, found, read_or_refuse, reasons

TEXT = "Ada Lovelace met\r\nBob in Paris.\n"


@pytest.fixture
def read(tmp_path):
    """Write a pair and read it."""

    def write_and_read(marks, text=TEXT, **options):
        (tmp_path / "a.txt").write_bytes(text if isinstance(text, bytes) else text.encode())
        (tmp_path / "a.ann").write_bytes(marks if isinstance(marks, bytes) else marks.encode())
        return read_brat(tmp_path / "a.txt", BratFormat(**options))

    return write_and_read


def test_a_pair_in_full(read, tmp_path):
    corpus = read("T1\tPER 0 12\tAda Lovelace\n\nT2\tLOC 25 30\tParis\r\n")
    assert (corpus.path, corpus.format) == (tmp_path / "a.txt", "brat")
    assert corpus.documents == (
        Document(
            id="a",
            text=TEXT,
            annotations=(Annotation(0, 12, ("PER",)), Annotation(25, 30, ("LOC",))),
            provenance=Provenance(str(tmp_path / "a.txt"), 1),
        ),
    )
    assert corpus.report.labels == {"PER": 1, "LOC": 1}
    assert corpus.report.skipped == ()
    check_laws(corpus)


@pytest.mark.parametrize("name", ["a.txt", "a.ann", "a"])
def test_any_of_the_three_names(read, tmp_path, name):
    read("T1\tPER 0 3\tAda\n")
    assert found(read_brat(tmp_path / name)) == [("Ada", "PER")]


def test_a_carriage_return_and_a_byte_order_mark_count(read):
    assert found(read("T1\tPER 18 21\tBob\n")) == [("Bob", "PER")]
    assert found(read("T1\tPER 1 4\tAda\n", text="\ufeffAda met")) == [("Ada", "PER")]
    assert found(read("\ufeffT1\tPER 0 3\tAda\n")) == [("Ada", "PER")]


def test_a_character_beyond_the_plane_counts_once(read):
    assert found(read("T1\tPER 2 5\tAda\n", text="\U0001f600 Ada")) == [("Ada", "PER")]


def test_other_lines_are_counted(read):
    corpus = read(
        "T1\tPER 0 12\tAda Lovelace\nT2\tLOC 25 30\tParis\nR1\tIn Arg1:T1 Arg2:T2\n"
        "E1\tMeet:T1 Who:T2\nA1\tSure T1\nM1\tSure T1\nN1\tReference T1 Wiki:1\tAda\n"
        "#1\tAnnotatorNotes T1\tnote\n*\tEquiv T1 T2\n*\tEquiv T1 T2\n"
    )
    assert len(found(corpus)) == 2
    assert reasons(corpus) == {
        "a relation": 1,
        "an event": 1,
        "an attribute": 2,
        "a normalisation": 1,
        "a note": 1,
        "an equivalence": 2,
    }
    assert [item.line for item in corpus.report.skipped] == [3, 4, 5, 6, 7, 8, 9, 10]


def test_fragments_with_only_white_space_between_them_are_one_mark(read):
    corpus = read("T1\tX 13 16;18 21\tmet Bob\nT2\tY 0 3;13 16\tAda met\nT3\tZ 25 30;22 24\tx\n")
    assert found(corpus) == [("met\r\nBob", "X")]
    assert reasons(corpus) == {"a discontinuous mark": 2}
    assert found(read("T1\tX 13 21\tmet  Bob\n")) == [("met\r\nBob", "X")]


@pytest.mark.parametrize("marks", [b"", b"\n", b" \n\n"])
def test_an_empty_file_says_that_nothing_is_marked(read, marks):
    assert read(marks).documents[0].annotations == ()


def test_a_folder_in_order(tmp_path):
    for name in ("b", "a/z", "a/b"):
        path = tmp_path / f"{name}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text("Ada", encoding="utf-8")
        path.with_suffix(".ann").write_text("T1\tPER 0 3\tAda", encoding="utf-8")
    corpus = read_brat(tmp_path)
    assert [document.id for document in corpus.documents] == ["a/b", "a/z", "b"]
    assert found(corpus) == [("Ada", "PER")] * 3
    check_laws(corpus)


def test_files_come_in_pairs(tmp_path):
    with pytest.raises(DataError, match=r"no \.txt file in it"):
        read_brat(tmp_path)
    (tmp_path / "a.ann").write_text("", encoding="utf-8")
    with pytest.raises(DataError, match=r"a\.ann: no a\.txt beside it"):
        read_brat(tmp_path)
    with pytest.raises(DataError, match=r"a\.txt: no such file"):
        read_brat(tmp_path / "a.ann")
    (tmp_path / "a.ann").rename(tmp_path / "b.ann")
    (tmp_path / "a.txt").write_text("Ada", encoding="utf-8")
    with pytest.raises(DataError, match=r"a\.txt: no a\.ann beside it; make an empty one"):
        read_brat(tmp_path / "a.txt")


MALFORMED = {
    "no tab": ("T1 PER 0 3 Ada", "an id such as T1"),
    "no id": ("PER\t0\t3", "an id such as T1"),
    "unknown id": ("X1\tPER 0 3\tAda", "an id such as T1"),
    "no surface": ("T1\tPER 0 3", "a tab, the surface"),
    "no type": ("T1\t0 3\tAda", "a type, a space"),
    "words for numbers": ("T1\tPER a b\tAda", "a type, a space"),
    "negative": ("T1\tPER -1 3\tAda", "a type, a space"),
    "endless number": (f"T1\tPER 0 {'9' * 5000}\tAda", "a type, a space"),
    "foreign digits": ("T1\tPER \u0660 \u0663\tAda", "a type, a space"),
    "beyond": ("T1\tPER 0 99\tAda", r"0 <= start < end <= 32.*got \[0, 99\)"),
    "empty": ("T1\tPER 3 3\t", r"got \[3, 3\)"),
    "backwards": ("T1\tPER 3 0\tAda", r"got \[3, 0\)"),
    "other surface": ("T1\tPER 1 4\tAda", "'da ', got 'Ada'; do the offsets count"),
    "white space": ("T1\tPER 3 4\t ", "at least one visible character"),
    "type O": ("T1\tO 0 3\tAda", "that is not 'O', got 'O'"),
    "type with a bar": ("T1\tA|B 0 3\tAda", "without '|'"),
    "huge type": (f"T1\t{'x' * 101} 0 3\tAda", "a type of 1-100 characters"),
    "id twice": ("T9\tPER 0 3\tAda", "an id that no earlier line has, got 'T9', the id of line 1"),
}


@pytest.mark.parametrize(("line", "message"), MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_line_is_refused_by_its_number(read, line, message):
    with pytest.raises(FormatError, match=rf"a\.ann:3: expected .*{message}") as caught:
        read(f"T9\tLOC 25 30\tParis\n\n{line}\n")
    assert caught.value.line == 3


def test_a_mark_that_does_not_fit_can_be_left_out(read):
    corpus = read("T1\tPER 1 4\tAda\nT2\tLOC 25 30\tParis\n", on_error="skip")
    assert found(corpus) == [("Paris", "LOC")]
    assert [item.line for item in corpus.report.skipped] == [1]
    with pytest.raises(FormatError):  # a line that is none is no matter of fitting
        read("T1 PER\n", on_error="skip")


@pytest.mark.parametrize(
    ("text", "marks", "message"),
    [
        (b"caf\xe9", b"", r"a\.txt:1: expected text in utf-8, got byte 0xe9"),
        (b"a\nb\0", b"", r"a\.txt:2: expected text, got a NUL"),
        (b"\xff\xfea\0", b"", r"a\.txt:1: .*UTF-16"),
        (b"a\xed\xa0\x80", b"", r"a\.txt:1: .*0xed"),
        (b"Ada", b"T1\tPER 0 3\tAd\xe1", r"a\.ann:1: expected UTF-8"),
        (b"Ada", b"T1\tPER 0 3\t\0", r"a\.ann:1: .*NUL"),
        (b"Ada", b"T1\tX 0 3\tAda" + b"x" * 9000, r"a\.ann:1: expected a line of at most 8000"),
        (b"A" * 20_000, b"", r"a\.txt: expected a file of at most 10000 bytes"),
        (b"Ada", b"\n" * 20_000, r"a\.ann: expected a file of at most 10000 bytes"),
    ],
)
def test_hopeless_files(read, text, marks, message):
    with pytest.raises(FormatError, match=message):
        read(marks, text=text, max_line_bytes=8000, max_file_bytes=10_000)


def test_too_many_marks_are_refused_at_the_first_that_is(read):
    lines = "".join(f"T{n}\tPER 0 3\tAda\n" for n in range(1, 12))
    with pytest.raises(FormatError, match=r"a\.ann:11: expected at most 10 marks .*got 11"):
        read(lines, max_annotations=10)


@pytest.mark.parametrize("options", [{"keep": "all"}, {"on_error": ""}, {"max_annotations": 0}])
def test_settings_that_do_not_exist(options):
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        BratFormat(**options)


def test_nested_marks_and_repetitions(read):
    marks = "T1\tPER 0 12\tAda Lovelace\nT2\tPER 0 3\tAda\nT3\tPER 0 12\tAda Lovelace\n"
    longest = read(marks)
    assert found(longest) == [("Ada Lovelace", "PER")]
    assert reasons(longest) == {
        "a mark that overlaps another (the longest is kept)": 1,
        "a mark that stands there twice": 1,
    }
    assert found(read(marks, keep="shortest")) == [("Ada", "PER")]


words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=6)


def write_brat(path: Path, text: str, marks: list[tuple[int, int]]) -> None:
    """Write a pair as brat does: line ends and tabs in a surface become spaces."""
    path.write_bytes(text.encode())
    lines = [
        f"T{number}\tX {start} {end}\t" + re.sub(r"[\r\n\t]", " ", text[start:end])
        for number, (start, end) in enumerate(marks, start=1)
    ]
    path.with_suffix(".ann").write_bytes("\n".join(lines).encode())


@settings(max_examples=40)
@given(pieces=st.lists(st.tuples(words, st.booleans()), min_size=1, max_size=8))
def test_what_is_written_is_read(tmp_path_factory, pieces):
    path = tmp_path_factory.getbasetemp() / "brat-round.txt"
    ends = list(accumulate(len(word) for word, _ in pieces))
    text = "".join(word for word, _ in pieces) + "."
    marked = [(word, end) for (word, mark), end in zip(pieces, ends, strict=True) if mark]
    visible = [(word, end) for word, end in marked if word.strip()]
    write_brat(path, text, [(end - len(word), end) for word, end in visible])
    corpus = read_brat(path)
    assert corpus.documents[0].text == text
    assert found(corpus) == [(word, "X") for word, _ in visible]


GOOD = b"T1\tPER 0 12\tAda Lovelace\nR1\tIn Arg1:T1 Arg2:T2\nT2\tLOC 25 30;31 32\tParis\n"


@settings(max_examples=80)
@given(marks=damaged(GOOD), text=damaged(TEXT.encode()) | st.just(TEXT.encode()))
def test_any_damage_is_read_or_refused(tmp_path_factory, marks, text):
    path = tmp_path_factory.getbasetemp() / "brat-scraps.txt"
    path.write_bytes(text)
    path.with_suffix(".ann").write_bytes(marks)
    read_or_refuse(read_brat, path)
