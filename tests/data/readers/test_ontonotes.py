"""OntoNotes' CoNLL form: brackets, parts, escapes, release folders, and everything malformed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossamma.data.readers.ontonotes import (
    OntonotesFormat,
    read_ontonotes,
    read_ontonotes_folder,
)
from ossamma.schema.errors import ConfigurationError, DataError, FormatError
from ossamma.schema.spans import Annotation, Document, Provenance, Span
from tests.data.readers.laws import check_laws, damaged, found, read_or_refuse

NAME = "bn/abc/00/abc_0001"


def row(number, word, entity="*", *, name=NAME, part=0, more=""):
    return (
        f"{name}   {part}   {number}   {word}   NN   (TOP*   -   -   -   Ann   {entity} {more}  -"
    )


def part_of(sentences, *, name=NAME, part=0):
    """A part as the release writes it; a sentence is a list of (word, bracket)."""
    lines = [f"#begin document ({name}); part {part:03}"]
    for sentence in sentences:
        more = "(V*) *" if len(sentence) > 2 else ""
        lines += [
            row(number, word, entity, name=name, part=part, more=more)
            for number, (word, entity) in enumerate(sentence)
        ]
        lines.append("")
    return "\n".join([*lines, "#end document", ""])


ADA = [("Ada", "(PERSON*"), ("Lovelace", "*)"), ("met", "*"), ("Bob", "(PERSON)")]
PARIS = [("In", "*"), ("Paris", "(GPE)")]


@pytest.fixture
def read(reading):
    """Write a file and read it."""
    return reading("abc_0001.gold_conll", read_ontonotes, OntonotesFormat)


def test_a_file_in_full(read, tmp_path):
    corpus = read(part_of([ADA, PARIS]) + part_of([PARIS], part=1))
    source = str(tmp_path / "abc_0001.gold_conll")
    assert corpus.format == "ontonotes"
    assert corpus.documents == (
        Document(
            id=f"{NAME}-000",
            text="Ada Lovelace met Bob\nIn Paris",
            words=tuple(
                Span(*pair) for pair in [(0, 3), (4, 12), (13, 16), (17, 20), (21, 23), (24, 29)]
            ),
            sentence_starts=(0, 4),
            annotations=(
                Annotation(0, 12, ("PERSON",)),
                Annotation(17, 20, ("PERSON",)),
                Annotation(24, 29, ("GPE",)),
            ),
            provenance=Provenance(source, 2),
            group=NAME,
        ),
        Document(
            id=f"{NAME}-001",
            text="In Paris",
            words=(Span(0, 2), Span(3, 8)),
            sentence_starts=(0,),
            annotations=(Annotation(3, 8, ("GPE",)),),
            provenance=Provenance(source, 12),
            group=NAME,
        ),
    )
    assert (corpus.report.sentences, corpus.report.words) == (3, 8)
    check_laws(corpus)


def test_touching_entities_stay_apart(read):
    corpus = read(part_of([[("a", "(GPE)"), ("b", "(GPE)"), ("c", "(GPE*"), ("d", "*)")]]))
    assert found(corpus) == [("a", "GPE"), ("b", "GPE"), ("c d", "GPE")]


@pytest.mark.parametrize(
    ("word", "plain"),
    [
        ("-LRB-", "("),
        ("-RRB-", ")"),
        ("-LCB-", "{"),
        ("-RSB-", "]"),
        ("/.", "."),
        ("/?", "?"),
        ("1\\/2", "1/2"),
        ("\\*", "*"),
        ("/", "/"),
        ("//", "//"),
        ("x-LRB-", "x-LRB-"),
        ("http://a.b", "http://a.b"),
        ("a\xa0b", "a\xa0b"),
    ],
)
def test_escapes_are_undone_by_a_setting(read, word, plain):
    content = part_of([[(word, "(LAW)")]])
    assert found(read(content)) == [(plain, "LAW")]
    assert found(read(content, unescape=False)) == [(word, "LAW")]


def test_the_bible_has_no_names(read):
    corpus = read(part_of([PARIS], name="pt/nt/40/nt_4001"))
    assert corpus.documents[0].annotations is None
    assert corpus.report.entities == 0


def test_parts_without_words_are_no_documents(read):
    corpus = read(part_of([]) + part_of([PARIS], part=1))
    assert [document.id for document in corpus.documents] == [f"{NAME}-001"]
    with pytest.raises(DataError, match="no words in the file"):
        read(part_of([]))


@pytest.mark.parametrize("content", ["\r\n", "tabs"])
def test_line_ends_and_tabs(read, content):
    text = part_of([ADA])
    text = text.replace("\n", "\r\n") if content == "\r\n" else text.replace("   ", "\t")
    assert found(read(text)) == [("Ada Lovelace", "PERSON"), ("Bob", "PERSON")]


def test_skeletons_are_refused_with_advice(read):
    with pytest.raises(FormatError, match=r":2: expected a word, got \[WORD\]: merge .*LDC2013T19"):
        read(part_of([[("[WORD]", "*")]]))
    with pytest.raises(FormatError, match="got a skeleton without; merge"):
        read(part_of([ADA]), name="a.gold_skel")


BEGIN = f"#begin document ({NAME}); part 000\n"
MALFORMED = {
    "no begin": (row(0, "a"), "a line that begins #begin document"),
    "end first": ("#end document", "a line that begins #begin document"),
    "begin twice": (BEGIN + BEGIN, "#end document before it"),
    "bad begin": ("#begin document NAME part 0", r"#begin document \(<name>\); part <number>"),
    "no end": (BEGIN + row(0, "a"), "#end document at the end, got 'none: the file was cut off'"),
    "few columns": (BEGIN + f"{NAME} 0 0 a NN * - - - - *", "12 columns or more, got 11"),
    "other document": (BEGIN + row(0, "a", name="bn/x"), f"{NAME} in column 1, got 'bn/x'"),
    "other part": (BEGIN + row(0, "a", part=1), "the part 000 in column 2, got '1'"),
    "part a word": (BEGIN + row(0, "a", part="x"), "the part 000 in column 2, got 'x'"),
    "number skipped": (BEGIN + row(1, "a"), "the word number 0 in column 3, got '1'"),
    "word with a space": (BEGIN + row(0, "a b"), "named entity as"),
    "a BIO tag": (BEGIN + row(0, "a", "B-GPE"), "named entity as .*got 'B-GPE'"),
    "nested": (BEGIN + row(0, "a", "(ORG(GPE)"), "named entity as"),
    "two at once": (BEGIN + row(0, "a", "(ORG)(GPE)"), "named entity as"),
    "within another": (
        BEGIN + row(0, "a", "(ORG*") + "\n" + row(1, "b", "(GPE)"),
        "the end of the entity before it, got '.GPE.'",
    ),
    "end of nothing": (BEGIN + row(0, "a", "*)"), "an entity that ends to have begun"),
    "open at the end": (BEGIN + row(0, "a", "(ORG*"), "every entity to end in its sentence"),
    "type O": (BEGIN + row(0, "a", "(O)"), "not 'O'"),
}


@pytest.mark.parametrize(("lines", "message"), MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_line_is_refused_by_its_number(read, lines, message):
    end = "" if "cut off" in message else "\n\n#end document\n"
    with pytest.raises(FormatError, match=rf"gold_conll:\d+: expected .*{message}") as caught:
        read(part_of([ADA], part=1) + lines + end)
    assert caught.value.line > 7


@pytest.mark.parametrize(
    ("content", "kind", "message"),
    [
        (b"", DataError, "the file is empty"),
        (part_of([ADA]).encode().replace(b"Bob", b"B\xf6b"), FormatError, ":5: expected UTF-8"),
        (part_of([ADA]).encode().replace(b"Bob", b"B\0b"), FormatError, ":5: .*NUL"),
        (part_of([[("x" * 2000, "*")]]).encode(), FormatError, ":2: expected a line of at most"),
    ],
)
def test_hopeless_files(read, content, kind, message):
    with pytest.raises(kind, match=message):
        read(content, max_line_bytes=999)


def test_too_many_entities(read):
    with pytest.raises(FormatError, match=":7: expected at most 5 marks"):
        read(part_of([[("a", "(GPE)")] * 6]), max_annotations=5)


def test_every_cut_is_noticed_or_leaves_whole_parts(read):
    content = part_of([ADA, PARIS]) + part_of([PARIS], part=1)
    first = len(part_of([ADA, PARIS]))
    whole = {first - 1, first}
    for length in {*range(1, len(content) - 1, 11), *range(first - 3, first + 3)}:
        if length in whole:
            assert len(read(content[:length]).documents) == 1
        else:
            with pytest.raises(FormatError):
                read(content[:length])


@pytest.fixture
def release(tmp_path):
    """A release folder of three genres."""
    folder = tmp_path / "v12" / "english" / "annotations"
    for genre, name in [("nw", "b"), ("nw", "a"), ("bn", "c"), ("pt", "d")]:
        path = folder / genre / "x" / "00" / f"{name}.gold_conll"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(part_of([PARIS], name=f"{genre}/x/00/{name}"), encoding="utf-8")
        path.with_suffix(".gold_skel").write_text("", encoding="utf-8")
    return tmp_path / "v12"


def test_a_folder_is_read_in_order_and_by_genre(release):
    corpora = list(read_ontonotes_folder(release))
    assert [corpus.path.stem for corpus in corpora] == ["c", "a", "b"]
    assert {d.group for c in corpora for d in c.documents} == {
        "bn/x/00/c",
        "nw/x/00/a",
        "nw/x/00/b",
    }
    only = OntonotesFormat(genres=["pt"])
    assert [corpus.path.stem for corpus in read_ontonotes_folder(release, only)] == ["d"]
    inner = release / "english" / "annotations" / "nw"
    assert [corpus.path.stem for corpus in read_ontonotes_folder(inner)] == ["a", "b"]


def test_folders_that_cannot_be_read_are_refused_at_once(release, tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        read_ontonotes_folder(tmp_path / "none")
    with pytest.raises(DataError, match="no file of the genres tc; it has bn, nw, pt"):
        read_ontonotes_folder(release, OntonotesFormat(genres={"tc"}))
    for path in release.rglob("*.gold_conll"):
        path.unlink()
    with pytest.raises(DataError, match="no merged file in it or below; merge the skeleton"):
        read_ontonotes_folder(release)
    for path in release.rglob("*.gold_skel"):
        path.unlink()
    with pytest.raises(DataError, match=r"expected names such as cnn_0115\.gold_conll"):
        read_ontonotes_folder(release)


@pytest.mark.parametrize("genres", [{"xx"}, set()])
def test_genres_that_do_not_exist(genres):
    with pytest.raises(ConfigurationError, match="genres must be some of bc, bn"):
        OntonotesFormat(genres=genres)


words = st.text(st.characters(codec="utf-8"), min_size=1, max_size=5).filter(
    lambda word: bool(word.strip()) and not set(word) & set(" \t\n\r\0")
)
sentences = st.lists(
    st.lists(st.tuples(words, st.sampled_from("obi")), min_size=1, max_size=5),
    min_size=1,
    max_size=3,
)


@settings(max_examples=40)
@given(drawn=sentences)
def test_what_is_written_is_read(tmp_path_factory, drawn):
    path = tmp_path_factory.getbasetemp() / "ontonotes-round.gold_conll"
    written, expected = [], []
    for sentence in drawn:
        letters = "".join(letter for _, letter in sentence)
        rows = []
        for n, (word, letter) in enumerate(sentence):
            inside = letter != "o"
            begins = inside and (letter == "b" or n == 0 or letters[n - 1] == "o")
            ends = inside and letters[n + 1 : n + 2] in {"", "o", "b"}
            if begins:
                expected.append(word)
            elif inside:
                expected[-1] += f" {word}"
            bracket = ("(X" if begins else "") + ("" if begins and ends else "*") + ")" * ends
            rows.append((word, bracket))
        written.append(rows)
    path.write_text(part_of(written), encoding="utf-8", newline="")
    corpus = read_ontonotes(path, OntonotesFormat(unescape=False))
    assert [surface for surface, _ in found(corpus)] == expected
    assert corpus.report.words == sum(map(len, drawn))


def test_a_part_that_stands_there_twice_is_refused(tmp_path):
    path = tmp_path / "twice.gold_conll"
    path.write_text(part_of([PARIS]) + part_of([ADA]))
    with pytest.raises(FormatError, match="no earlier document"):
        read_ontonotes(path)


@settings(max_examples=80)
@given(content=damaged((part_of([ADA, PARIS]) + part_of([PARIS], part=1)).encode()))
def test_any_damage_is_read_or_refused(tmp_path_factory, content):
    path: Path = tmp_path_factory.getbasetemp() / "ontonotes-scraps.gold_conll"
    path.write_bytes(content)
    read_or_refuse(read_ontonotes, path)
