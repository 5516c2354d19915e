"""PubTator files: texts, marks, several types, relations, and everything malformed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossamma.data.readers.pubtator import PubtatorFormat, read_pubtator
from ossamma.schema.errors import ConfigurationError, DataError, FormatError
from ossamma.schema.spans import Annotation, Document, Provenance
from tests.data.readers.laws import check_laws, damaged, found, read_or_refuse, reasons

ASPIRIN = (
    "12|t|Aspirin and pain.\n12|a|Pain was less.\n12\t0\t7\tAspirin\tChemical\tD001\n"
    "12\t18\t22\tPain\tDisease\tD002\n12\tCID\tD001\tD002\n\n"
)


@pytest.fixture
def read(reading):
    """Write a file and read it."""
    return reading("file.txt", read_pubtator, PubtatorFormat)


def test_a_file_in_full(read, tmp_path):
    corpus = read(ASPIRIN + "13|t|Nothing|here\n13|a|\n")
    source = str(tmp_path / "file.txt")
    assert corpus.format == "pubtator"
    assert corpus.documents == (
        Document(
            id="12",
            text="Aspirin and pain. Pain was less.",
            annotations=(Annotation(0, 7, ("Chemical",)), Annotation(18, 22, ("Disease",))),
            provenance=Provenance(source, 1),
        ),
        Document(id="13", text="Nothing|here ", annotations=(), provenance=Provenance(source, 7)),
    )
    assert reasons(corpus) == {"a relation": 1}
    check_laws(corpus)


@pytest.mark.parametrize(
    "content",
    [
        ASPIRIN.rstrip("\n"),
        ASPIRIN.replace("\n", "\r\n"),
        "\n\n" + ASPIRIN,
        "\ufeff" + ASPIRIN,
        ASPIRIN.replace("\tD001\n", "\n"),
        ASPIRIN.replace("\tD001\n", "\tD001\tAspirin|x\n"),
        ASPIRIN.replace("CID", "Negative_Correlation").replace("\tD002\n\n", "\tD002\tNovel\n\n"),
    ],
)
def test_one_content_in_many_files(read, content):
    assert found(read(content)) == [("Aspirin", "Chemical"), ("Pain", "Disease")]


def test_documents_need_no_blank_line_between_them(read):
    corpus = read(ASPIRIN.rstrip("\n") + "\n" + ASPIRIN.replace("12", "14"))
    assert [document.id for document in corpus.documents] == ["12", "14"]
    check_laws(corpus)


def test_a_title_alone(read):
    corpus = read("1|t|Pain\n1\t0\t4\tPain\tD\n")
    assert [document.text for document in corpus.documents] == ["Pain"]
    assert found(corpus) == [("Pain", "D")]


def test_the_separator_is_a_setting(read):
    corpus = read(ASPIRIN, separator="\n")
    assert corpus.documents[0].text == "Aspirin and pain.\nPain was less."
    assert found(corpus) == [("Aspirin", "Chemical"), ("Pain", "Disease")]
    across = "1|t|ab\n1|a|cd\n1\t1\t4\tb c\tX\n"
    assert found(read(across)) == [("b c", "X")]
    assert found(read(across, separator="\n")) == [("b\nc", "X")]
    with pytest.raises(ConfigurationError, match="separator"):
        PubtatorFormat(separator="")


def test_several_types_are_candidates(read):
    corpus = read("1|t|Pain\n1\t0\t4\tPain\tT184, T033,T184\tC1\n")
    assert found(corpus) == [("Pain", "T033|T184")]


def test_composite_mentions_are_kept_whole_and_nested_ones_follow_the_policy(read):
    content = (
        "1|t|ovarian and peritoneal cancer\n"
        "1\t0\t29\tovarian and peritoneal cancer\tDisease\tD1|D2\t"
        "ovarian cancer|peritoneal cancer\n"
        "1\t12\t29\tperitoneal cancer\tDisease\tD2\n"
    )
    corpus = read(content)
    assert found(corpus) == [("ovarian and peritoneal cancer", "Disease")]
    assert reasons(corpus) == {"a mark that overlaps another (the longest is kept)": 1}
    assert found(read(content, keep="shortest")) == [("peritoneal cancer", "Disease")]


MALFORMED = {
    "no title": ("13|a|x", "a title, `id.t.text`"),
    "a mark first": ("13\t0\t1\tx\tX", "a title, `id.t.text`"),
    "other letter": ("13|t|x\n13|k|x", "a line of the document '13', or a blank line"),
    "abstract twice": ("13|t|x\n13|a|y\n13|a|z", "the only abstract of 13"),
    "abstract of another": ("13|t|x\n14|a|y", "the only abstract of 13"),
    "abstract behind marks": ("13|t|x\n13\t0\t1\tx\tX\n13|a|y", "the only abstract of 13"),
    "mark of another": ("13|t|x\n14\t0\t1\tx\tX", "a line of the document '13'"),
    "spaces for tabs": ("13|t|x\n13 0 1 x X", "a line of the document '13'"),
    "three columns": ("13|t|x\n13\t0\t1", "id, start, end, surface"),
    "eight columns": ("13|t|x\n13\t0\t1\tx\tX\t\t\t", "id, start, end, surface"),
    "words for numbers": ("13|t|x\n13\ta\tb\tx\tX\t", "id, start, end, surface"),
    "negative": ("13|t|x\n13\t-1\t1\tx\tX", "id, start, end, surface"),
    "endless number": (f"13|t|x\n13\t0\t{'9' * 5000}\tx\tX", "id, start, end, surface"),
    "beyond": ("13|t|x\n13\t0\t2\tx\tX", r"<= 1.*got \[0, 2\)"),
    "other surface": ("13|t|xy\n13\t0\t1\ty\tX", "the surface .*'x', got 'y'"),
    "no type": ("13|t|x\n13\t0\t1\tx\t", "a type of 1-100"),
    "an empty type": ("13|t|x\n13\t0\t1\tx\tA,", "a type of 1-100"),
    "id twice": ("12|t|x", "an id that no earlier document has, got '12'"),
}


@pytest.mark.parametrize(("lines", "message"), MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_line_is_refused_by_its_number(read, lines, message):
    with pytest.raises(FormatError, match=rf"file\.txt:\d+: expected .*{message}") as caught:
        read(ASPIRIN + lines + "\n")
    assert caught.value.line == 6 + lines.count("\n") + 1
    assert len(str(caught.value)) < 500


def test_a_mark_that_does_not_fit_can_be_left_out(read):
    corpus = read(ASPIRIN.replace("\t0\t7\t", "\t1\t8\t"), on_error="skip")
    assert found(corpus) == [("Pain", "Disease")]
    assert [item.line for item in corpus.report.skipped] == [3, 5]


@pytest.mark.parametrize(
    ("content", "kind", "message"),
    [
        (b"", DataError, "the file is empty"),
        (b"\xef\xbb\xbf\n", DataError, "no document in the file"),
        (ASPIRIN.encode().replace(b"was", b"w\xe9s"), FormatError, ":2: expected UTF-8"),
        (ASPIRIN.encode().replace(b"was", b"w\0s"), FormatError, ":2: .*NUL"),
        (b"1|t|" + b"x" * 2000, FormatError, ":1: expected a line of at most 999"),
        (b"1|t|x" + b"\n" * 9000, FormatError, "a file of at most 8000 bytes"),
    ],
)
def test_hopeless_files(read, content, kind, message):
    with pytest.raises(kind, match=message):
        read(content, max_line_bytes=999, max_file_bytes=8000)


def test_too_many_marks(read):
    with pytest.raises(FormatError, match=":7: expected at most 5 marks"):
        read("1|t|x\n" + "1\t0\t1\tx\tX\n" * 6, max_annotations=5)


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0\n\t\r"), max_size=12)


@settings(max_examples=40)
@given(title=texts, abstract=texts, data=st.data())
def test_what_is_written_is_read(tmp_path_factory, title, abstract, data):
    path = tmp_path_factory.getbasetemp() / "pubtator-round.txt"
    text = f"{title} {abstract}"
    start, end = sorted(data.draw(st.lists(st.integers(0, len(text)), min_size=2, max_size=2)))
    visible = bool(text[start:end].strip())
    lines = [f"7|t|{title}", f"7|a|{abstract}"]
    lines += [f"7\t{start}\t{end}\t{text[start:end]}\tX"] if visible else []
    path.write_bytes("\n".join(lines).encode())
    corpus = read_pubtator(path)
    assert corpus.documents[0].text == text
    assert found(corpus) == ([(text[start:end], "X")] if visible else [])


@settings(max_examples=80)
@given(content=damaged((ASPIRIN + ASPIRIN.replace("12", "14")).encode()))
def test_any_damage_is_read_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "pubtator-scraps.txt"
    path.write_bytes(content)
    read_or_refuse(read_pubtator, path)
