"""Column files: what is read, what is refused and where, and real data sets to the last word."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossamma.data.readers.conll import ConllFormat, read_conll
from ossamma.data.readers.corpus import Corpus
from ossamma.schema.encoding import Repair, Scheme, TypedSpan, encode_tags
from ossamma.schema.errors import ConfigurationError, DataError, FormatError, OssammaError
from ossamma.schema.spans import Annotation, Document, Provenance, Span

ADA = "Ada\tB-PER\nLovelace\tI-PER\nmet\tO\nBob\tB-PER\n"


@pytest.fixture
def read(reading):
    """Write a file and read it."""
    return reading("file.conll", read_conll, ConllFormat)


def words_of(document: Document) -> list[str]:
    return [document.text[word.start : word.end] for word in document.words or ()]


def entities_of(document: Document) -> list[tuple[str, str]]:
    return [(document.text[a.start : a.end], a.label) for a in document.annotations or ()]


def all_words(corpus) -> list[str]:
    return [word for document in corpus.documents for word in words_of(document)]


def all_entities(corpus) -> list[tuple[str, str]]:
    return [entity for document in corpus.documents for entity in entities_of(document)]


def test_a_document_in_full(read, tmp_path):
    corpus = read("-DOCSTART- O\n\nAda B-PER\nLovelace I-PER\n\nin O\nLondon B-LOC\n")
    assert corpus.path == tmp_path / "file.conll"
    assert corpus.format == "conll"
    assert corpus.documents == (
        Document(
            id="file-1",
            text="Ada Lovelace\nin London",
            words=(Span(0, 3), Span(4, 12), Span(13, 15), Span(16, 22)),
            sentence_starts=(0, 2),
            annotations=(Annotation(0, 12, ("PER",)), Annotation(16, 22, ("LOC",))),
            provenance=Provenance(str(tmp_path / "file.conll"), 3),
        ),
    )
    report = corpus.report
    assert (report.documents, report.sentences, report.words, report.entities) == (1, 2, 4, 2)
    assert report.labels == {"PER": 1, "LOC": 1}
    assert (report.scheme, report.repair) == (Scheme.IOB2, Repair.CONLLEVAL)
    assert (report.repaired_tags, report.skipped) == (0, ())


@pytest.mark.parametrize(
    "content",
    [
        ADA,
        ADA.rstrip("\n"),
        ADA + "\n\n",
        "\n \n\t\n" + ADA,
        ADA.replace("\n", "\r\n"),
        ADA.replace("\t", " "),
        ADA.replace("\t", "   "),
        ADA.replace("\t", "\t \t").replace("\t \t", " \t "),
        ADA.replace("\n", " \n"),
        "\ufeff" + ADA,
        ADA.replace("\t", "\tNN\tx\t"),
        ADA.replace("\t", " NN x "),
    ],
    ids=[
        "tabs",
        "no line end",
        "blank lines behind",
        "blank lines before",
        "CRLF",
        "space",
        "runs of spaces",
        "spaces around a tab",
        "spaces at the end",
        "byte-order mark",
        "four columns, tabs",
        "four columns, spaces",
    ],
)
def test_one_sentence_in_many_files(read, content):
    corpus = read(content)
    assert [document.text for document in corpus.documents] == ["Ada Lovelace met Bob"]
    assert all_words(corpus) == ["Ada", "Lovelace", "met", "Bob"]
    assert all_entities(corpus) == [("Ada Lovelace", "PER"), ("Bob", "PER")]


@pytest.mark.parametrize("blank", ["", " ", "\t", " \t ", "\r"])
def test_white_space_ends_a_sentence(read, blank):
    corpus = read(f"a\tO\n{blank}\nb\tO\n")
    assert [document.text for document in corpus.documents] == ["a", "b"]


@pytest.mark.parametrize(
    "word",
    ["a\xa0b", "\u200b", "\xa0", "\u2028", "x\x85y", "a\x0bb", "\ufeff", "\u3000x", "\U0001f600"],
)
@pytest.mark.parametrize("separator", ["\t", " "])
def test_only_tab_and_space_separate(read, word, separator):
    corpus = read(f"first{separator}O\n{word}{separator}O\nlast{separator}B-X\n")
    assert all_words(corpus) == ["first", word, "last"]
    assert corpus.documents[0].text == f"first {word} last"


def test_a_tabbed_word_may_hold_spaces(read):
    corpus = read("New York\tB-LOC\nis\tO\n")
    assert all_words(corpus) == ["New York", "is"]
    assert all_entities(corpus) == [("New York", "LOC")]


@pytest.mark.parametrize(
    ("mark", "ids"),
    [
        ("-DOCSTART-\tO\n\n", ["file-1", "file-2"]),
        ("-DOCSTART- -X- -X- O\n", ["file-1", "file-2"]),
        ("-DOCSTART-\n\n", ["file-1", "file-2"]),
        ("<DOCSTART>\tO\tO\n\n", ["file-1", "file-2"]),
        ("# newdoc id = x\n", ["file-1", "file-2"]),
        ("# newdoc\n", ["file-1", "file-2"]),
        ("-DOCSTART-\tO\n\n-DOCSTART-\tO\n\n", ["file-1", "file-2"]),
    ],
)
@pytest.mark.parametrize("first_mark", [True, False])
def test_document_marks(read, mark, ids, first_mark):
    text = (mark if first_mark else "") + f"a\tO\n\nb\tO\n\n{mark}c\tO\n"
    corpus = read(text)
    assert [document.id for document in corpus.documents] == ids
    assert [document.text for document in corpus.documents] == ["a\nb", "c"]
    assert [document.sentence_starts for document in corpus.documents] == [(0, 1), (0,)]


def test_without_marks_each_sentence_is_a_document(read):
    corpus = read("a\tO\n\nb\tO\nc\tO\n")
    assert [document.id for document in corpus.documents] == ["file-1", "file-2"]
    assert [document.provenance.line for document in corpus.documents] == [1, 3]


@pytest.mark.parametrize(
    "comment",
    [
        "# newdoc id = a\n",
        "# newpar\n",
        "# sent_id = a-1\n",
        "# text = Two words\n",
        "# text = O\n",
        "# text = a\ttab\n",
        "# text =\n",
        "# global.columns = ID FORM MISC\n",
        "# said by nobody\n",
    ],
)
def test_comments_are_counted_and_left_out(read, comment):
    corpus = read(f"{comment}a\tNN\tx\tO\nb\tNN\tx\tB-X\n\n{comment}c\tNN\tx\tO\n")
    assert all_words(corpus) == ["a", "b", "c"]
    assert corpus.report.comments == 2


def test_a_comment_does_not_end_a_sentence(read):
    corpus = read("a\tB-X\n# text = aside\nb\tI-X\n")
    assert all_entities(corpus) == [("a b", "X")]
    assert corpus.report.sentences == 1


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("#\tO", "#"),
        ("#\tB-X", "#"),
        ("# O", "#"),
        ("#tag\tO", "#tag"),
        ("#1\tO", "#1"),
        ("# text\tO", "# text"),
        ("# text =\tO", "# text ="),
    ],
)
def test_a_tweet_may_begin_with_a_hash(read, line, word):
    corpus = read(f"a\tO\n\n{line}\nb\tO\n")
    assert all_words(corpus) == ["a", word, "b"]
    assert corpus.report.comments == 0


def test_a_hash_with_four_columns_is_a_word(read):
    corpus = read("# text = O\nAda NNP = B-X\n")  # a token line, though it looks like a comment
    assert all_words(corpus) == ["#", "Ada"]


def test_a_hash_without_its_tag_is_a_fault(read):
    with pytest.raises(FormatError, match=r":2: expected 2 columns.*got 1: '#lost'"):
        read("a\tO\n#lost\nb\tO\n")


def test_an_index_column_is_found(read):
    indexed = "1\tAda\tB-PER\n2\tmet\tO\n\n1\tBob\tB-PER\n"
    assert all_words(read(indexed)) == ["Ada", "met", "Bob"]
    assert all_words(read(indexed.replace("1", "0").replace("2", "1"))) == ["Ada", "met", "Bob"]
    assert all_words(read(indexed, word_column=0)) == ["1", "2", "1"]
    assert all_words(read(indexed.replace("2", "7"))) == ["1", "7", "1"]
    assert all_words(read("1\tCD\tO\n\n1\tCD\tO\n")) == ["1", "1"]  # too little to tell
    assert all_words(read("1\tO\n2\tO\n")) == ["1", "2"]  # no room for an index


def test_columns_can_be_chosen(read):
    text = "1\tAda\tB-PER\t-\n2\tmet\tO\t-\n"
    assert all_entities(read(text, tag_column=2)) == [("Ada", "PER")]
    assert all_entities(read(text, tag_column=-2, word_column=1)) == [("Ada", "PER")]
    assert all_entities(read(text, tag_column=2, word_column=3)) == [("-", "PER")]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"tag_column": 2}, "tag_column 2 does not exist: most lines have 2 columns, 0 to 1"),
        ({"tag_column": -3}, "tag_column -3 does not exist"),
        ({"word_column": 5}, "word_column 5 does not exist"),
        ({"word_column": 1}, "are both column 1 of 2"),
        ({"word_column": -1}, "word_column must be None or >= 0"),
        ({"on_error": "ignore"}, "on_error must be 'raise' or 'skip', got 'ignore'"),
        ({"max_line_bytes": 0}, "max_line_bytes must be >= 1"),
        ({"scheme": "bioo"}, "scheme must be one of iob1, iob2, bioes, got 'bioo'"),
        ({"repair": "none"}, "repair must be one of conlleval, discard, error, got 'none'"),
    ],
)
def test_impossible_settings_are_refused(read, settings, message):
    with pytest.raises(ConfigurationError, match=message):
        read(ADA, **settings)


def test_settings_understand_plain_words():
    settings = ConllFormat(scheme="BILOU", repair="discard")
    assert settings.scheme is Scheme.BIOES
    assert settings.repair is Repair.DISCARD


@pytest.mark.parametrize(
    ("tags", "scheme", "entities", "repaired"),
    [
        ("I-X I-X O", Scheme.IOB1, [("a b", "X")], 0),
        ("B-X I-X O", Scheme.IOB2, [("a b", "X")], 0),
        ("B-X E-X S-Y", Scheme.BIOES, [("a b", "X"), ("c", "Y")], 0),
        ("B-X L-X U-Y", Scheme.BIOES, [("a b", "X"), ("c", "Y")], 0),
        ("B-X O I-Y", Scheme.IOB2, [("a", "X"), ("c", "Y")], 1),
    ],
)
def test_the_scheme_is_detected(read, tags, scheme, entities, repaired):
    text = "".join(f"{word}\t{tag}\n" for word, tag in zip("abc", tags.split(), strict=True))
    corpus = read(text)
    assert corpus.report.scheme is scheme
    assert all_entities(corpus) == entities
    assert corpus.report.repaired_tags == repaired


def test_the_scheme_is_detected_over_the_whole_file(read):
    corpus = read("a\tI-X\n\nb\tB-X\nc\tI-X\n\nd\tB-X\n\ne\tB-X\n")
    assert (corpus.report.scheme, corpus.report.repaired_tags) == (Scheme.IOB2, 1)


def test_repair_policies(read):
    text = "a\tO\nb\tI-X\n\nc\tB-X\n\nd\tB-X\n"
    assert all_entities(read(text)) == [("b", "X"), ("c", "X"), ("d", "X")]
    discarded = read(text, repair=Repair.DISCARD)
    assert all_entities(discarded) == [("c", "X"), ("d", "X")]
    assert discarded.report.repaired_tags == 1
    with pytest.raises(FormatError, match=r"file\.conll:2: .*I-X cannot follow O in IOB2.*repair"):
        read(text, repair=Repair.ERROR)
    skipped = read(text, repair=Repair.ERROR, on_error="skip")
    assert all_entities(skipped) == [("c", "X"), ("d", "X")]
    assert [line.line for line in skipped.report.skipped] == [2]


def test_candidate_types(read):
    corpus = read("a\tB-WORK|EVENT\nb\tI-WORK|EVENT\n")
    assert corpus.documents[0].annotations == (Annotation(0, 3, ("EVENT", "WORK")),)
    assert corpus.report.labels == {"EVENT|WORK": 1}


GOOD = b"good\tO\nline\tB-X\n\n"
# the faulty sentence | its line within the file | what the message says
FAULTS = {
    "too few columns": (b"a\tO\nb\n", 5, "expected 2 columns, like most lines.*got 1: 'b'"),
    "too many columns": (b"a\tO\tO\n", 4, "expected 2 columns.*got 3: 'a O O'"),
    "empty word": (b"a\tO\n\tO\n", 5, "expected a word in column 0.*got an empty column"),
    "word of spaces": (b"  \tO\n", 4, "expected a word in column 0"),
    "empty tag": (b"a\t\n", 4, "expected a tag in column 1 .*malformed tag '': it is empty"),
    "no dash": (b"a\tPER\n", 4, "malformed tag 'PER': it has no dash"),
    "unknown prefix": (b"a\tX-PER\n", 4, "malformed tag 'X-PER': the prefix 'X' is unknown"),
    "empty type": (b"a\tB-\n", 4, "malformed tag 'B-': its type is empty"),
    "other scheme": (b"a\tS-X\n", 4, r"a tag of IOB2 \(B I O\).*got 'S-X'"),
    "not UTF-8": (b"ok\tO\ncaf\xe9\tO\n", 5, "expected UTF-8 text, got byte 0xe9 at byte 4"),
    "surrogate": (b"\xed\xa0\x80\tO\n", 4, "byte 0xed at byte 1"),
    "NUL": (b"a\0b\tO\n", 4, "a NUL byte at byte 2: this looks like a binary file"),
    "long line": (b"x" * 2000 + b"\tO\n", 4, "a line of at most 1000 bytes, got 2002 bytes"),
    "invisible entity": ("\xa0\tB-X\n".encode(), 4, "at least one visible character.*tagged X"),
}


@pytest.mark.parametrize(("fault", "line", "message"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_raised_with_its_line(read, fault, line, message):
    with pytest.raises(FormatError, match=rf"file\.conll:{line}: .*{message}") as caught:
        read(GOOD + fault + b"\n" + GOOD, max_line_bytes=1000)
    assert caught.value.line == line


@pytest.mark.parametrize(("fault", "line", "message"), FAULTS.values(), ids=FAULTS)
def test_a_fault_costs_its_sentence_and_is_reported(read, fault, line, message):
    settings = {"max_line_bytes": 1000, "on_error": "skip"}
    corpus = read(GOOD + fault + b"\n" + GOOD, **settings)
    clean = read(GOOD + b"x\tO\n" * fault.count(b"\n") + b"\n" + GOOD, **settings)
    assert corpus.documents == (clean.documents[0], clean.documents[2])
    assert corpus.report.skipped_sentences == 1
    assert [skipped.line for skipped in corpus.report.skipped] == [line]
    assert not message.startswith("expected") or corpus.report.skipped[0].text.startswith("exp")


def test_the_first_fault_is_raised(read):
    with pytest.raises(FormatError, match=":5: "):
        read(GOOD + b"a\tO\nb\nc\tPER\n\nd\n")


def test_every_fault_of_a_sentence_is_reported(read):
    corpus = read(GOOD + b"a\nb\tO\nc\tPER\n\n" + GOOD, on_error="skip")
    assert [skipped.line for skipped in corpus.report.skipped] == [4, 6]
    assert corpus.report.skipped_sentences == 1
    assert "line 4: expected 2 columns" in str(corpus.report.skipped[0])


def test_a_skipped_sentence_leaves_its_document(read):
    text = "-DOCSTART- O\n\na O\n\nb\n\nc B-X\n\n-DOCSTART- O\n\nd\n\n-DOCSTART- O\n\ne O\n"
    corpus = read(text, on_error="skip")
    assert [(d.id, d.text) for d in corpus.documents] == [("file-1", "a\nc"), ("file-3", "e")]
    assert entities_of(corpus.documents[0]) == [("c", "X")]


def test_empty_words_can_be_dropped(read):
    text = "a\tB-X\n\tI-X\nb\tI-X\n\n \tO\n\nc\tO\n"
    corpus = read(text, drop_empty_words=True)
    assert [document.text for document in corpus.documents] == ["a b", "c"]
    assert all_entities(corpus) == [("a b", "X")]
    assert (corpus.report.dropped_words, corpus.report.skipped) == (2, ())
    with pytest.raises(DataError, match="all words are empty"):
        read("\tO\n\tO\n", drop_empty_words=True)


@pytest.mark.parametrize(
    ("content", "kind", "message"),
    [
        (b"", DataError, "the file is empty"),
        (b" \n\t\r\n", DataError, "the file is empty"),
        (b"\xef\xbb\xbf", DataError, "no sentence in the file"),
        (b"-DOCSTART- O\n\n", DataError, "no sentence in the file"),
        (b"# text = nothing else\n", DataError, "no sentence in the file"),
        (b"just\nwords\n", FormatError, r":1: expected at least two columns.*got 1: 'just'"),
        (b"\xff\xfea\x00\t\x00O\x00", FormatError, ":1: expected UTF-8 text.*UTF-16"),
        (b"\0" * 100, FormatError, ":1: .*NUL byte"),
    ],
)
@pytest.mark.parametrize("on_error", ["raise", "skip"])
def test_hopeless_files(read, content, kind, message, on_error):
    with pytest.raises(kind, match=message):
        read(content, on_error=on_error)


def test_nothing_left_is_an_error(read):
    with pytest.raises(DataError, match=r"every sentence was left out; line 1: .*malformed tag"):
        read("a\tPER\n\nb\tLOC\n", on_error="skip")


words = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0\t\n\r "), min_size=1, max_size=5
).filter(lambda word: word.strip() and word not in {"-DOCSTART-", "<DOCSTART>"})


@st.composite
def files(draw: st.DrawFn) -> list[list[tuple[list[str], list[TypedSpan]]]]:
    """Documents of sentences of words with disjoint spans."""

    def sentence() -> tuple[list[str], list[TypedSpan]]:
        tokens = draw(st.lists(words, min_size=1, max_size=5))
        spans, first = [], 0
        while first < len(tokens) and draw(st.booleans()):
            end = draw(st.integers(first + 1, len(tokens)))
            spans.append(TypedSpan(first, end, draw(st.sampled_from(["PER", "creative-work"]))))
            first = end + draw(st.integers(0, 1))
        return tokens, spans

    return [
        [sentence() for _ in range(draw(st.integers(1, 3)))] for _ in range(draw(st.integers(1, 3)))
    ]


@pytest.mark.parametrize("scheme", list(Scheme))
@pytest.mark.parametrize("separator", ["\t", " "])
@settings(max_examples=40)
@given(written=files())
def test_what_is_written_is_read(tmp_path_factory, scheme, separator, written):
    lines = []
    for sentences in written:
        lines += [f"-DOCSTART-{separator}O", ""]
        for tokens, spans in sentences:
            tags = encode_tags(spans, len(tokens), scheme=scheme)
            lines += [f"{word}{separator}{tag}" for word, tag in zip(tokens, tags, strict=True)]
            lines.append("")
    path = tmp_path_factory.getbasetemp() / f"{scheme}.conll"
    path.write_bytes("\n".join(lines).encode())
    # The scheme is stated: a file may be too small to tell.
    corpus = read_conll(path, ConllFormat(scheme=scheme, repair=Repair.ERROR))
    assert len(corpus.documents) == len(written)
    for document, sentences in zip(corpus.documents, written, strict=True):
        flat = [word for tokens, _ in sentences for word in tokens]
        assert words_of(document) == flat
        assert document.text == "\n".join(" ".join(tokens) for tokens, _ in sentences)
        assert entities_of(document) == [
            (" ".join(tokens[span.first_word : span.end_word]), span.label)
            for tokens, spans in sentences
            for span in spans
        ]
        firsts = [sum(len(tokens) for tokens, _ in sentences[:n]) for n in range(len(sentences))]
        assert list(document.sentence_starts) == firsts


scraps = st.text(st.sampled_from("ab#1=\t \r\n\n-BIOESX|.\0\xa0\u2028é{}<>"), max_size=60)


def read_or_refusal(path: Path, conll: ConllFormat) -> Corpus | OssammaError:
    try:
        return read_conll(path, conll)
    except OssammaError as error:
        return error


@pytest.mark.parametrize("on_error", ["raise", "skip"])
@given(content=st.binary(max_size=100) | scraps.map(str.encode))
def test_any_bytes_are_read_or_refused(tmp_path_factory, on_error, content):
    path = tmp_path_factory.getbasetemp() / "scraps.conll"
    path.write_bytes(content)
    outcome = read_or_refusal(path, ConllFormat(on_error=on_error))
    if isinstance(outcome, OssammaError):
        assert str(path) in str(outcome)
    else:
        assert outcome.report.words == len(all_words(outcome)) > 0
        assert outcome.report.entities == len(all_entities(outcome))


def mirror(name: str) -> Path:
    return Path(os.environ["OSSAMMA_MIRROR"], name)


CONLL2003 = "conll2003/corpus/CoNLL-2003/eng."
DROP = {"drop_empty_words": True}
# file | settings | documents, sentences, words, entities | scheme | repaired tags
DATA_SETS = [
    ("wnut17/wnut17train.conll", {}, (3394, 3394, 62730, 1975), Scheme.IOB2, 0),
    ("wnut17/emerging.dev.conll", {}, (1009, 1009, 15733, 836), Scheme.IOB2, 0),
    ("wnut17/emerging.test.annotated", {}, (1287, 1287, 23394, 1079), Scheme.IOB2, 0),
    # Two B- tags of the training file touch nothing, which IOB1 does not allow.
    (CONLL2003 + "train", {}, (946, 14041, 203621, 23499), Scheme.IOB1, 2),
    (CONLL2003 + "testa", {}, (216, 3250, 51362, 5942), Scheme.IOB1, 0),
    (CONLL2003 + "testb", {}, (231, 3453, 46435, 5648), Scheme.IOB1, 0),
    ("uner_ewt/en_ewt-ud-dev.iob2", {"tag_column": 2}, (318, 2001, 25149, 966), Scheme.IOB2, 0),
    ("uner_ewt/en_ewt-ud-test.iob2", {"tag_column": 2}, (316, 2077, 25097, 1088), Scheme.IOB2, 0),
    ("btc/train_dev_test_conll/btc.train", {}, (6338, 6338, 99933, 8779), Scheme.IOB2, 0),
    ("btc/train_dev_test_conll/btc.dev", DROP, (1000, 1000, 15023, 1730), Scheme.IOB2, 0),
    ("btc/train_dev_test_conll/btc.test", DROP, (2001, 2001, 35425, 4376), Scheme.IOB2, 0),
    ("annoctr/AnnoCTR/ner_bio/dev.bio", DROP, (16, 1550, 54516, 1534), Scheme.IOB2, 17),
]


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "settings", "counts", "scheme", "repaired"), DATA_SETS, ids=[s[0] for s in DATA_SETS]
)
def test_real_files(name, settings, counts, scheme, repaired):
    corpus = read_conll(mirror(name), ConllFormat(**settings))
    report = corpus.report
    assert (report.documents, report.sentences, report.words, report.entities) == counts
    assert (report.scheme, report.repaired_tags) == (scheme, repaired)
    assert report.entities == sum(report.labels.values())
    assert len({document.id for document in corpus.documents}) == report.documents


# file | first fault | kept: sentences, words, entities | repaired | sentences and lines lost
BROKEN = [
    ("aptner/APTNERtrain.txt", 515, (6488, 176454, 21284), 134, (257, 293)),
    ("aptner/APTNERdev.txt", 1867, (1726, 38204, 3316), 14, (26, 48)),
    ("aptner/APTNERtest.txt", 4848, (1531, 38540, 3338), 1, (14, 14)),
]


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "line", "counts", "repaired", "lost"), BROKEN, ids=[s[0] for s in BROKEN]
)
def test_real_broken_files(name, line, counts, repaired, lost):
    with pytest.raises(FormatError) as caught:
        read_conll(mirror(name))
    assert caught.value.line == line
    report = read_conll(mirror(name), ConllFormat(on_error="skip")).report
    assert report.scheme is Scheme.BIOES
    assert (report.sentences, report.words, report.entities) == counts
    assert report.repaired_tags == repaired
    assert (report.skipped_sentences, len(report.skipped)) == lost


@pytest.mark.data
def test_real_file_with_annotators_asks_for_the_tag_column():
    with pytest.raises(FormatError, match=r":4: .*column 4 .*tag_column chooses another"):
        read_conll(mirror("uner_ewt/en_ewt-ud-dev.iob2"))


@pytest.mark.data
def test_real_words_with_odd_characters_survive():
    corpus = read_conll(mirror("wnut17/emerging.dev.conll"))
    found = all_words(corpus)
    assert "watched\u200bwas" in found
    assert "Dubbz\ufeff" in found
    assert found.count("#") > 2


@pytest.mark.parametrize("content", ["Bob B-PER\rruns O\r\rJim B-PER\r", ADA + "a\rb\tO\n"])
def test_a_carriage_return_inside_a_line_is_no_space(tmp_path, content):
    path = tmp_path / "mac.conll"
    path.write_bytes(content.encode())
    line = content.count("\n") or 1
    with pytest.raises(OssammaError, match=rf"mac\.conll:{line}: .*a carriage return inside"):
        read_conll(path)
