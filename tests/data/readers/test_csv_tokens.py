"""CSV files of words: both habits of numbering sentences, repairs, and everything malformed."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossamma.data.readers.csv_tokens import CsvTokensFormat, read_csv_tokens
from ossamma.schema.encoding import Repair, Scheme, TypedSpan, encode_tags
from ossamma.schema.errors import ConfigurationError, DataError, FormatError
from ossamma.schema.spans import Annotation, Document, Provenance, Span
from tests.data.readers.laws import check_laws, damaged, found, read_or_refuse, reasons

HEAD = "Word,POS,Sentence Id,Tag\n"
ROWS = "Ada,NNP,1,B-PER\nLovelace,NNP,1,I-PER\nmet,VBD,1,O\nBob,NNP,2,B-PER\n"
KAGGLE = (
    "Sentence #,Word,POS,Tag\nSentence: 1,Ada,NNP,B-PER\n,Lovelace,NNP,I-PER\n,met,VBD,O\n"
    "Sentence: 2,Bob,NNP,B-PER\n"
)


@pytest.fixture
def read(reading):
    """Write a file and read it."""
    return reading("file.csv", read_csv_tokens, CsvTokensFormat)


def test_a_file_in_full(read, tmp_path):
    corpus = read(HEAD + ROWS)
    source = str(tmp_path / "file.csv")
    assert corpus.format == "csv_tokens"
    assert corpus.documents == (
        Document(
            id="file-1",
            text="Ada Lovelace met",
            words=(Span(0, 3), Span(4, 12), Span(13, 16)),
            sentence_starts=(0,),
            annotations=(Annotation(0, 12, ("PER",)),),
            provenance=Provenance(source, 2),
        ),
        Document(
            id="file-2",
            text="Bob",
            words=(Span(0, 3),),
            sentence_starts=(0,),
            annotations=(Annotation(0, 3, ("PER",)),),
            provenance=Provenance(source, 5),
        ),
    )
    report = corpus.report
    assert (report.documents, report.sentences, report.words, report.entities) == (2, 2, 4, 2)
    assert (report.scheme, report.repair, report.repaired_tags) == (
        Scheme.IOB2,
        Repair.CONLLEVAL,
        0,
    )
    check_laws(corpus)


@pytest.mark.parametrize(
    ("content", "options"),
    [
        (HEAD + ROWS, {}),
        ("\ufeff" + HEAD + ROWS, {}),
        ((HEAD + ROWS).replace("\n", "\r\n"), {}),
        ((HEAD + ROWS).rstrip("\n"), {}),
        ((HEAD + ROWS).replace("\n", "\n\n"), {}),
        ((HEAD + ROWS).replace(",", ";"), {"delimiter": ";"}),
        ((HEAD + ROWS).replace(",", "\t"), {"delimiter": "\t"}),
        ((HEAD + ROWS).replace(",", " , "), {}),
        ((HEAD + ROWS).replace("Ada", '"Ada"'), {}),
        (KAGGLE, {"sentence_column": "Sentence #"}),
        (HEAD.replace("Tag", "NER") + ROWS, {"tag_column": "NER"}),
    ],
)
def test_one_content_in_many_files(read, content, options):
    corpus = read(content, **options)
    assert [document.text for document in corpus.documents] == ["Ada Lovelace met", "Bob"]
    assert found(corpus) == [("Ada Lovelace", "PER"), ("Bob", "PER")]


def test_quoted_cells_may_hold_the_delimiter_and_quotes(read):
    corpus = read(HEAD + '"1,5",CD,1,B-NUM\n"""",PUNCT,1,O\n"New York",NNP,1,B-LOC\n')
    assert corpus.documents[0].text == '1,5 " New York'
    assert found(corpus) == [("1,5", "NUM"), ("New York", "LOC")]


def test_other_encodings_are_named(read):
    content = (HEAD + "Café,NNP,1,B-ORG\n").encode("cp1252")
    with pytest.raises(FormatError, match=r":2: expected text in utf-8, got byte 0xe9"):
        read(content)
    assert found(read(content, encoding="cp1252")) == [("Café", "ORG")]


def test_forbidden_tags_are_repaired_by_policy(read):
    content = HEAD + "a,X,1,I-PER\nb,X,1,I-PER\nc,X,1,B-LOC\nd,X,1,I-PER\n"
    corpus = read(content, scheme="iob2")
    assert found(corpus) == [("a b", "PER"), ("c", "LOC"), ("d", "PER")]
    assert corpus.report.repaired_tags == 2
    assert found(read(content, scheme="bio", repair="discard")) == [("c", "LOC")]
    with pytest.raises(FormatError, match=":2: expected a sentence of IOB2 tags"):
        read(content, scheme="bio", repair="error")


@pytest.mark.parametrize("word", ["", " ", "\xa0"])
def test_empty_words_are_faults_or_left_out(read, word):
    content = HEAD + ROWS + f"{word},X,2,O\n"
    with pytest.raises(FormatError, match=r":6: expected a word in 'Word', got an empty one"):
        read(content)
    corpus = read(content, drop_empty_words=True)
    assert corpus.report.dropped_words == 1
    assert reasons(corpus) == {"a row without a word": 1}
    assert found(corpus) == [("Ada Lovelace", "PER"), ("Bob", "PER")]


MALFORMED = {
    "three columns": ("Bob,NNP,2", ":6: expected 4 columns, got 3: 'Bob,NNP,2'"),
    "five columns": ("Bob,NNP,2,O,x", ":6: expected 4 columns, got 5"),
    "no tag": ("Bob,NNP,2,", ":6: expected a tag, got malformed tag ''"),
    "not a tag": ("Bob,NNP,2,PER", ":6: expected a tag, got malformed tag 'PER'"),
    "split sentence": ("Bob,NNP,1,O", ":6: expected the rows of a sentence side by side, got '1'"),
    "open quotes": ('"Bob,NNP,2,O\nx,x,2,O', "a broken one|expected 4 columns"),
    "line end": ('"Bob\nx",NNP,2,O', "a quotation mark is not closed"),
    "huge cell": (f'"{"x" * 200_000}",NNP,2,O', "field larger than field limit"),
}


@pytest.mark.parametrize(("row", "message"), MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_row_is_refused(read, row, message):
    with pytest.raises(FormatError, match=message) as caught:
        read(f"{HEAD}{ROWS}{row}\n")
    assert caught.value.line in {6, 7}


def test_the_first_sentence_needs_a_number(read):
    with pytest.raises(FormatError, match=":2: expected the number of the first sentence"):
        read(HEAD + "Ada,NNP,,O\n")


@pytest.mark.parametrize(
    ("content", "kind", "message"),
    [
        (b"", DataError, "the file is empty"),
        (HEAD.encode(), DataError, "no word in the file"),
        (b"Word;Tag\n", ConfigurationError, "the column 'Word' does not exist; .*'Word;Tag'"),
        (b"Word,Word,Tag,Sentence Id\n", ConfigurationError, "'Word' stands there twice"),
        (HEAD.encode() + b"\0,X,1,O", FormatError, ":2: expected text, got a NUL"),
        (b"\xff\xfeW\0", FormatError, "UTF-16"),
        (HEAD.encode() + b"x" * 2000, FormatError, ":2: expected a line of at most 999"),
    ],
)
def test_hopeless_files(read, content, kind, message):
    with pytest.raises(kind, match=message):
        read(content, max_line_bytes=999)


def test_too_many_entities(read):
    with pytest.raises(FormatError, match=r":2: expected at most 5 entities .*got 6 in one"):
        read(HEAD + "a,X,1,B-A\n" * 6, max_annotations=5)


@pytest.mark.parametrize(
    "options",
    [{"scheme": "x"}, {"repair": "x"}, {"delimiter": ""}, {"delimiter": '"'}, {"encoding": "x"}],
)
def test_settings_that_do_not_exist(options):
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        CsvTokensFormat(**options)


words = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n"), min_size=1, max_size=6)
sentences = st.lists(
    st.lists(words.map(str.strip).filter(bool), min_size=1, max_size=5), min_size=1, max_size=4
)


@settings(max_examples=40)
@given(drawn=sentences, first_only=st.booleans(), data=st.data())
def test_what_is_written_is_read(tmp_path_factory, drawn, first_only, data):
    path = tmp_path_factory.getbasetemp() / "csv-round.csv"
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(["Tag", "Sentence Id", "Word"])
    expected = []
    for number, sentence in enumerate(drawn, start=1):
        cut = data.draw(st.integers(0, len(sentence)))
        spans = [TypedSpan(0, cut, "X")] if cut else []
        expected += [(" ".join(sentence[:cut]), "X")] if cut else []
        tags = encode_tags(spans, len(sentence))
        for place, (word, tag) in enumerate(zip(sentence, tags, strict=True)):
            writer.writerow([tag, "" if first_only and place else number, word])
    path.write_text(stream.getvalue(), encoding="utf-8", newline="")
    corpus = read_csv_tokens(path)
    assert [document.text for document in corpus.documents] == [" ".join(s) for s in drawn]
    assert found(corpus) == expected


@settings(max_examples=80)
@given(content=damaged((HEAD + ROWS + '"x""y",A,3,O\n').encode()))
def test_any_damage_is_read_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "csv-scraps.csv"
    path.write_bytes(content)
    read_or_refuse(read_csv_tokens, path)


@pytest.mark.data
def test_the_cyber_corpus_to_the_last_entity():
    corpus = read_csv_tokens(
        Path(os.environ["OSSAMMA_MIRROR"], "cyberner_optima/Dataset/NER dataset.csv")
    )
    report = corpus.report
    assert (report.sentences, report.words, report.entities) == (6311, 204_815, 10_777)
    assert report.labels == {
        "IDENTITY": 4013,
        "LOCATION": 1439,
        "MALWARE": 1118,
        "TOOL": 1032,
        "DATE_TIME": 996,
        "ATTACK_TYPE": 717,
        "THREAT_ACTOR": 470,
        "INFRASTRUCTURE": 351,
        "INDICATOR": 349,
        "ASSET": 128,
        "CAMPAIGN": 109,
        "VULNERABILITY": 55,
    }
    assert (report.scheme, report.repaired_tags) == (Scheme.IOB2, 104)
    check_laws(corpus)
