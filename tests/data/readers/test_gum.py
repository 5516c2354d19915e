"""GUM's CoNLL-U: the original text, nested mentions, and everything malformed."""

from __future__ import annotations

import os
import tarfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossamma.data.readers.gum import GumFormat, read_gum, read_gum_folder
from ossamma.schema.errors import ConfigurationError, DataError, FormatError
from ossamma.schema.spans import Annotation, Document, Provenance, Span
from tests.data.readers.laws import check_laws, damaged, found, read_or_refuse, reasons

FIELDS = "# global.Entity = GRP-etype-infstat-salience-centering-minspan-link-identity\n"
HEAD = "# newdoc id = GUM_x\n" + FIELDS + "# newpar\n"


def word(number, form, upos="X", head=0, **misc):
    pairs = "|".join(f"{key}={value}" for key, value in misc.items()) or "_"
    return f"{number}\t{form}\t_\t{upos}\t_\t_\t{head}\tdep\t_\t{pairs}\n"


def opening(group, label, minspan="1", identity=""):
    linked = f"-{identity}" if identity else ""
    return f"({group}-{label}-new-nnnnn-cf1-{minspan}-sgl{linked}"


ADA = (
    "# text = Ada's dog met Bob.\n1-2\tAda's" + "\t_" * 8 + "\n"
    + word(1, "Ada", "PROPN", 3, Entity=opening(1, "animal") + opening(2, "person") + ")")
    + word(2, "'s", "PART", 1)
    + word(3, "dog", "NOUN", 4, Entity="1)")
    + word(4, "met", "VERB", 0)
    + word(5, "Bob", "PROPN", 4, SpaceAfter="No", Entity=opening(3, "person") + ")")
    + word(6, ".", "PUNCT", 4)
)  # fmt: skip


@pytest.fixture
def read(reading):
    """Write a file and read it."""
    return reading("file.conllu", read_gum, GumFormat)


def test_a_file_in_full(read, tmp_path):
    corpus = read(HEAD + ADA + "\n")
    assert corpus.format == "gum"
    assert corpus.documents == (
        Document(
            id="GUM_x",
            text="Ada's dog met Bob.",
            words=tuple(
                Span(*pair) for pair in [(0, 3), (3, 5), (6, 9), (10, 13), (14, 17), (17, 18)]
            ),
            sentence_starts=(0,),
            annotations=(Annotation(0, 3, ("person",)), Annotation(14, 17, ("person",))),
            provenance=Provenance(str(tmp_path / "file.conllu"), 5),
        ),
    )
    assert reasons(corpus) == {"a mention that is not named": 1}
    check_laws(corpus)


def test_nested_mentions_follow_the_policy(read):
    outer = read(HEAD + ADA, only_proper=False)
    assert found(outer) == [("Ada's dog", "animal"), ("Bob", "person")]
    assert reasons(outer) == {"a mark that overlaps another (the longest is kept)": 1}
    inner = read(HEAD + ADA, only_proper=False, keep="innermost")
    assert found(inner) == [("Ada", "person"), ("Bob", "person")]


def test_the_spacing_is_the_original(read):
    first = word(1, "One", SpaceAfter="No") + word(2, "!", SpaceAfter="No")
    corpus = read(
        HEAD + "# text = One!\n" + first + "\n# text = Two\n" + word(1, "Two")
        + "\n# newpar_block = p\n# text = Three\n" + word(1, "Three")
        + "\n# newpar id = 2\n# text = Four\n" + word(1, "Four", SpaceAfter="No")
        + "\n# newpar\n" + word(1, "Five")
    )  # fmt: skip
    assert corpus.documents[0].text == "One!Two Three\nFour\nFive"
    assert corpus.documents[0].sentence_starts == (0, 2, 3, 4, 5)


def test_contractions_are_spelt_by_their_parts_or_one_word(read):
    dunno = "1-3\tdunno" + "\t_" * 8 + "\n"
    parts = word(1, "do") + word(2, "not") + word(3, "know", Entity=opening(1, "event") + ")")
    corpus = read(HEAD + "# text = dunno it\n" + dunno + parts + word(4, "it"), only_proper=False)
    assert corpus.documents[0].words == (Span(0, 5), Span(6, 8))
    assert found(corpus) == [("dunno", "event")]


def test_empty_nodes_are_no_words(read):
    corpus = read(HEAD + "# text = a b\n" + word(1, "a") + word("1.1", "x") + word(2, "b"))
    assert corpus.documents[0].text == "a b"


@pytest.mark.parametrize(
    ("rows", "named"),
    [
        (word(1, "Ada", "PROPN", 0, Entity=opening(1, "person") + ")"), True),
        (word(1, "she", "PRON", 0, Entity=opening(1, "person", "1", "Ada") + ")"), False),
        (
            word(1, "sailor", "NOUN", 0, Entity=opening(1, "person", "1,2", "Ada"))
            + word(2, "Ada", "PROPN", 1, Entity="1)"),
            True,
        ),
        (
            word(1, "sailor", "NOUN", 0, Entity=opening(1, "person", "1,2"))
            + word(2, "Ada", "PROPN", 1, Entity="1)"),
            False,
        ),
        (
            word(1, "sailor", "NOUN", 0, Entity=opening(1, "person", "1", "Ada"))
            + word(2, "Ada", "PROPN", 1, Entity="1)"),
            False,
        ),
        (
            word(1, "the", "DET", 2, Entity=opening(1, "place", "9,0", "Po"))
            + word(2, "Po", "PROPN", 0, Entity="1)"),
            True,
        ),
    ],
)
def test_what_counts_as_named(read, rows, named):
    assert bool(found(read(HEAD + rows))) == named


def test_documents_are_divided_and_named(read):
    corpus = read(
        word(1, "a") + "\n# newdoc\n" + word(1, "b") + "\n# newdoc id = c\n" + word(1, "c")
    )
    assert [(d.id, d.text) for d in corpus.documents] == [
        ("file-1", "a"),
        ("file-2", "b"),
        ("c", "c"),
    ]
    check_laws(corpus)


def test_mentions_may_cross_sentences_and_have_the_same_group(read):
    rows = (
        word(1, "a", Entity=opening(1, "event") + opening(1, "place")) + word(2, "b", Entity="1)")
        + "\n" + word(1, "c", Entity="1)")
    )  # fmt: skip
    assert found(read(HEAD + rows, only_proper=False)) == [("a b c", "event")]
    inner = read(HEAD + rows, only_proper=False, keep="innermost")
    assert found(inner) == [("a b", "place")]


def test_parts_of_discontinuous_mentions_are_counted(read):
    rows = word(1, "a", Entity="(1[1/2]-event)") + word(2, "b", Entity=opening(2, "time") + ")")
    corpus = read(HEAD + rows, only_proper=False)
    assert found(corpus) == [("b", "time")]
    assert reasons(corpus) == {"a part of a discontinuous mention": 1}


def test_masked_documents_are_refused_or_left_out(read):
    rows = word(1, "____") + word(2, "__", SpaceAfter="No") + word(3, ".")
    with pytest.raises(FormatError, match=r":4: expected the words of GUM_x, got underscores"):
        read(HEAD + rows)
    corpus = read(HEAD + rows, on_masked="skip")
    assert corpus.documents == ()
    assert reasons(corpus) == {"a document whose words are masked": 1}
    assert read(HEAD + word(1, "_") + word(2, "a")).documents[0].text == "_ a"


MALFORMED = {
    "nine columns": ("1\ta" + "\t_" * 7, "10 columns separated by tabs"),
    "spaces": ("1 a _ X _ _ 0 _ _ _", "10 columns"),
    "id skipped": (word(2, "a"), "the id 1 or a range that begins so, got '2'"),
    "id a word": (word("x", "a"), "the id 1"),
    "id of foreign digits": (word("\u0661", "a"), "the id 1"),
    "range alone": ("1-2\ta" + "\t_" * 8, "the words up to 2, got 'the sentence ends'"),
    "range backwards": ("1-1\ta" + "\t_" * 8 + "\n" + word(1, "a"), "the id 1 or a range"),
    "range in a range": (
        "1-3\tab" + "\t_" * 8 + "\n" + word(1, "a") + "2-3\ta" + "\t_" * 8,
        "the id 2 or a range",
    ),
    "only empty nodes": (word("0.1", "a"), "the words up to 1"),
    "empty word": (word(1, " "), "a word in column 2"),
    "head a word": (word(1, "a", "X", "x"), "the number of the head in column 7"),
    "other text": ("# text = b\n" + word(1, "a"), "the words of `# text`, 'b', got 'a'"),
    "brackets": (word(1, "a", Entity="(1-person"), "every mention to end in its document"),
    "end of nothing": (
        word(1, "a", Entity="9)"),
        r"the end of a mention that has begun, got '9\)'",
    ),
    "no brackets": (word(1, "a", Entity="1-person"), "brackets such as"),
    "empty brackets": (word(1, "a", Entity="()"), "brackets such as"),
    "empty entity": (word(1, "a", Entity=""), "brackets such as"),
    "no type": (word(1, "a", Entity="(1)"), "the fields GRP-etype-"),
    "type O": (word(1, "a", "PROPN", Entity="(1-O)"), "not 'O'"),
    "depth": (word(1, "a", Entity="(1-x" * 1001), "nested at most 1000 deep"),
    "document twice": ("# newdoc id = GUM_x\n" + word(1, "a"), "no earlier document has"),
}


@pytest.mark.parametrize(("rows", "message"), MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_line_is_refused_by_its_number(read, rows, message):
    with pytest.raises(FormatError, match=rf"file\.conllu:\d+: expected .*{message}") as caught:
        read(HEAD + ADA + "\n" + rows.rstrip("\n") + "\n")
    assert caught.value.line > 11
    assert len(str(caught.value)) < 500


def test_mentions_need_the_names_of_their_fields(read):
    with pytest.raises(FormatError, match=r":1: expected a comment `# global\.Entity"):
        read(word(1, "a", Entity="(1-person)"))


@pytest.mark.parametrize(
    ("content", "kind", "message"),
    [
        (b"", DataError, "the file is empty"),
        (HEAD.encode(), DataError, "no sentence in the file"),
        (word(1, "a").encode().replace(b"a", b"\xe9"), FormatError, ":1: expected UTF-8"),
        (b"1\ta\0", FormatError, ":1: .*NUL"),
        (word(1, "x" * 2000).encode(), FormatError, ":1: expected a line of at most 999"),
    ],
)
def test_hopeless_files(read, content, kind, message):
    with pytest.raises(kind, match=message):
        read(content, max_line_bytes=999)


def test_too_many_mentions(read):
    with pytest.raises(FormatError, match="at most 5 marks"):
        read(HEAD + word(1, "A", "PROPN", Entity="(1-x)" * 6), max_annotations=5)


def test_a_long_line_without_brackets_is_refused_in_no_time(read):
    with pytest.raises(FormatError, match="brackets such as"):
        read(HEAD + word(1, "a", Entity="1" * 2_000_000))


@pytest.mark.parametrize("options", [{"keep": "longest"}, {"on_masked": ""}])
def test_settings_that_do_not_exist(options):
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        GumFormat(**options)


def test_a_folder_in_order(tmp_path):
    with pytest.raises(DataError, match=r"no \.conllu file in it"):
        read_gum_folder(tmp_path)
    for name in "ba":
        (tmp_path / f"{name}.conllu").write_text(word(1, name), encoding="utf-8")
    assert [c.documents[0].text for c in read_gum_folder(tmp_path)] == ["a", "b"]


words = st.text(st.characters(codec="utf-8"), min_size=1, max_size=4).filter(
    lambda text: bool(text.strip()) and not set(text) & set("\t\n\r\0 _")
)
sentences = st.lists(
    st.lists(st.tuples(words, st.booleans(), st.booleans()), min_size=1, max_size=5),
    min_size=1,
    max_size=3,
)


@settings(max_examples=40)
@given(drawn=sentences)
def test_what_is_written_is_read(tmp_path_factory, drawn):
    path = tmp_path_factory.getbasetemp() / "gum-round.conllu"
    content, text, expected = HEAD.removesuffix("# newpar\n"), "", []
    for sentence in drawn:
        written = "".join(form + " " * space for form, space, _ in sentence)
        text += written
        content += f"# text = {written.rstrip(' ')}\n"
        for number, (form, space, marked) in enumerate(sentence, start=1):
            misc = {"SpaceAfter": "Yes" if space else "No"}
            misc |= {"Entity": "(1-person)"} if marked else {}
            expected += [(form, "person")] if marked else []
            content += word(number, form, "PROPN", **misc)
        content += "\n"
    path.write_text(content, encoding="utf-8", newline="")
    corpus = read_gum(path)
    assert corpus.documents[0].text == text.rstrip(" ")
    assert found(corpus) == expected


GOOD = (HEAD + ADA + "\n# newpar\n" + word(1, "b", Entity=opening(4, "x") + ")")).encode()


@settings(max_examples=80)
@given(content=damaged(GOOD))
def test_any_damage_is_read_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "gum-scraps.conllu"
    path.write_bytes(content)
    read_or_refuse(lambda file: read_gum(file, GumFormat(only_proper=False)), path)


@pytest.mark.data
def test_the_corpus_to_the_last_mention(tmp_path):
    with tarfile.open(Path(os.environ["OSSAMMA_MIRROR"], "gum.tar.xz")) as archive:
        archive.extractall(tmp_path, filter="data")
    folder = tmp_path / "gum" / "dep"
    corpora = list(read_gum_folder(folder, GumFormat(on_masked="skip")))
    assert len(corpora) == 281
    documents = [document for corpus in corpora for document in corpus.documents]
    assert len(documents) == 263
    for corpus in corpora:
        check_laws(corpus)
        assert [d.id for d in corpus.documents] in ([], [corpus.path.stem])
    lost = sum((reasons(corpus) for corpus in corpora), Counter())
    assert lost["a document whose words are masked"] == 18
    # The brackets of the documents that are not masked, counted by the text alone.
    opened = sum(
        line.partition("Entity=")[2].partition("|")[0].count("(")
        for document in documents
        for line in (folder / f"{document.id}.conllu").read_text(encoding="utf-8").split("\n")
        if not line.startswith("#")
    )
    kept = sum(corpus.report.entities for corpus in corpora)
    assert kept == 8626
    assert opened == kept + sum(lost.values()) - 18
