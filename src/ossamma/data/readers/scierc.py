"""SciERC's JSON lines to documents.

A line is an abstract: `doc_key`, `sentences` (lists of words), `ner` (for each sentence a list of
`[first word, last word, type]`, counted over the whole document, the last word included),
`relations` and `clusters`. Of mentions that overlap the longest is kept; the others, relations and
clusters are left out and counted. Other keys are not read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ossamma.data.readers.corpus import Corpus, LeftOut, make_corpus
from ossamma.data.readers.json_values import Json
from ossamma.data.readers.limits import lines_within
from ossamma.data.readers.lines import shown
from ossamma.data.readers.names import UniqueNames
from ossamma.data.readers.standoff import Mark, StandoffFormat, annotate, types_of
from ossamma.data.readers.words import join_words
from ossamma.schema.errors import DataError
from ossamma.schema.spans import Document, Provenance, Span


@dataclass(frozen=True, kw_only=True, slots=True)
class SciercFormat(StandoffFormat):
    """How to read SciERC's original files (and those of other sets in its form)."""


DEFAULT_SCIERC: Final = SciercFormat()


def read_scierc(path: str | Path, settings: SciercFormat = DEFAULT_SCIERC) -> Corpus:
    """Read the abstracts; they are called by their `doc_key`.

    Raises:
        FormatError: a faulty line, by its number: no words, an empty word, a mention outside of
            its sentence, a `doc_key` that stands twice.
        DataError: a file that is not there, or has no document.
    """
    path = Path(path)
    left_out = LeftOut()
    names = UniqueNames(path)
    documents: list[Document] = []
    for number, line in enumerate(lines_within(path, settings), start=1):
        if not line.strip():
            continue
        document = _document(Json.parse(path, number, line), settings, left_out)
        names.add(document.id, number)
        documents.append(document)
    if not documents:
        raise DataError(f"{path}: no document in the file; expected one JSON object per line")
    return make_corpus(path, "scierc", documents, left_out)


def _document(record: Json, settings: SciercFormat, left_out: LeftOut) -> Document:
    name = record.identifier(("doc_key",))
    if not name:
        raise record.error('the record with the key "doc_key"', "none, or an empty one")
    sentences = [
        [_word(word) for word in sentence.items()] for sentence in record.need("sentences").items()
    ]
    joined = join_words([sentence for sentence in sentences if sentence])
    if not joined.words:
        raise record.error("a document with words", f"none in {shown(name)}")
    for key in ("relations", "clusters"):
        _leave_out(record, key, left_out)
    mentions = record.get("ner")
    annotations = None
    if mentions is not None:
        annotations = annotate(
            joined.text,
            _marks(record, sentences, joined.words),
            path=record.path,
            settings=settings,
            left_out=left_out,
        )
    return Document(
        id=name,
        text=joined.text,
        words=joined.words,
        sentence_starts=joined.sentence_starts,
        annotations=annotations,
        provenance=Provenance(str(record.path), record.line),
    )


def _word(word: Json) -> str:
    text = word.string()
    if not text.strip() or "\n" in text:
        raise word.error(f"{word.name} to be a word", shown(text))
    return text


def _leave_out(record: Json, key: str, left_out: LeftOut) -> None:
    """Count relations (a list for each sentence) and clusters (one list)."""
    value = record.get(key)
    for item in value.items() if value is not None else ():
        for _ in item.items() if key == "relations" else (item,):
            left_out.add(record.line, f"one of the {key}")


def _marks(record: Json, sentences: Sequence[Sequence[str]], words: Sequence[Span]) -> list[Mark]:
    """Turn the mentions of all sentences into ranges of characters."""
    lists = record.need("ner").items()
    if len(lists) != len(sentences):
        raise record.error(
            f'"ner" with a list for each of {len(sentences)} sentences', f"{len(lists)}"
        )
    marks: list[Mark] = []
    first = 0
    for mentions, sentence in zip(lists, sentences, strict=True):
        end = first + len(sentence)
        for mention in mentions.items():
            parts = mention.items()
            if len(parts) != 3:
                raise mention.error("[first word, last word, type]", f"a list of {len(parts)}")
            left, right, label = parts[0].integer(), parts[1].integer(), parts[2].string()
            if not first <= left <= right < end:
                raise mention.error(
                    f"a mention in its sentence, the words {first} to {end - 1} of the document",
                    f"[{shown(str(left))}, {shown(str(right))}] {shown(label)}",
                )
            marks.append(Mark(words[left].start, words[right].end, types_of([label]), record.line))
        first = end
    return marks
