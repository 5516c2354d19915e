"""Files of spaCy's DocBin (.spacy) to documents."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab

from ossamma.data.readers.corpus import Corpus, LeftOut, make_corpus
from ossamma.data.readers.lines import read_bytes, shown
from ossamma.schema.errors import ConfigurationError, DataError, FormatError, LabelError
from ossamma.schema.labels import LabelSet
from ossamma.schema.spans import Annotation, Document, Provenance
from ossamma.schema.spans import Span as Characters

# Trees, tags and the like are not even unpacked: they cost time and could be malformed.
# The store turns the names into numbers and puts the words first.
_WANTED: Final = tuple(DocBin(attrs=("ENT_IOB", "ENT_TYPE", "ENT_KB_ID", "SENT_START")).attrs)
_BROKEN: Final = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
    zlib.error,
)
_CHUNK: Final = 2**20


@dataclass(frozen=True, kw_only=True, slots=True)
class DocBinFormat:
    """How to read a DocBin."""

    max_unpacked_bytes: int = 2**31
    """A file that unpacks to more is refused before spaCy sees it."""

    def __post_init__(self) -> None:
        if self.max_unpacked_bytes < 1:
            raise ConfigurationError(
                f"max_unpacked_bytes must be >= 1, got {self.max_unpacked_bytes}"
            )


DEFAULT_DOCBIN: Final = DocBinFormat()


@dataclass(slots=True)
class _Counts:
    """What the documents of a file hold and ours do not."""

    kb_ids: int = 0
    span_groups: int = 0
    blank_entities: int = 0


def read_docbin(path: str | Path, settings: DocBinFormat = DEFAULT_DOCBIN) -> Corpus:
    """Read a `.spacy` file, or a folder of such files in the order of their names.

    Text, words (those of white space left out), sentence starts and `doc.ents` are kept; `A|B` is
    read as candidates. What spaCy says of a word's entity decides what silence means:

    * every word unknown ("missing"): the document is unlabelled (`annotations` is None);
    * some words unknown: `annotates` is empty, so that silence means nothing of any type; what the
      file says of O elsewhere in the document is lost;
    * no word unknown: all types are annotated. A blocked word is O.

    Knowledge-base ids, span groups and entities of white space are left out and counted in the
    report's `skipped` (line 1). Documents are called `<stem>-<n>`.

    Raises:
        FormatError: no DocBin, a truncated one, one that unpacks to too much, or a label that no
            label set can hold.
        DataError: no such file, or no document in it.
    """
    path = Path(path)
    counts = _Counts()
    documents = tuple(_documents(path, settings, counts))
    if not documents:
        raise DataError(f"{path}: no document in the file; expected at least one")
    return make_corpus(path, "docbin", documents, _left_out(counts))


def _documents(path: Path, settings: DocBinFormat, counts: _Counts) -> Iterator[Document]:
    files = sorted(path.glob("*.spacy")) if path.is_dir() else [path]
    if not files:
        raise DataError(f"{path}: no .spacy file in the folder; give one that spaCy wrote")
    vocab = Vocab()  # a language would only add attributes that are not read
    number = 0
    for file in files:
        for doc in _docs(file, settings, vocab):
            number += 1
            try:
                yield _convert(doc, f"{path.stem}-{number}", file, counts)
            except _BROKEN as error:
                raise _malformed(file, error) from error


def _docs(file: Path, settings: DocBinFormat, vocab: Vocab) -> Iterator[Doc]:
    raw = read_bytes(file)
    _check_size(file, raw, settings)
    try:
        store = DocBin().from_bytes(raw)
        _narrow(store)
        docs = store.get_docs(vocab)
    except _BROKEN as error:
        raise _malformed(file, error) from error
    while True:
        try:
            doc = next(docs, None)
        except _BROKEN as error:
            raise _malformed(file, error) from error
        if doc is None:
            return
        yield doc


def _narrow(store: DocBin) -> None:
    """Keep the columns that we read, and check that every document has its words and spaces."""
    columns = [store.attrs.index(attribute) for attribute in _WANTED if attribute in store.attrs]
    if not columns or store.attrs[columns[0]] != _WANTED[0]:
        raise ValueError("there is no column of words")
    store.attrs = [store.attrs[column] for column in columns]
    store.user_data = [None] * len(store.tokens)
    for tokens, spaces in zip(store.tokens, store.spaces, strict=True):
        if len(tokens) != len(spaces):
            raise ValueError("words and spaces differ in number")
    store.tokens = [tokens[:, columns] for tokens in store.tokens]


def _check_size(file: Path, raw: bytes, settings: DocBinFormat) -> None:
    """Unpack into nothing: a small file can hold gigabytes of zeros."""
    unpacker = zlib.decompressobj()
    size = 0
    rest = raw
    try:
        while rest and not unpacker.eof:
            size += len(unpacker.decompress(rest, _CHUNK))
            rest = unpacker.unconsumed_tail
            if size > settings.max_unpacked_bytes:
                raise FormatError(
                    file,
                    None,
                    expected=f"at most {settings.max_unpacked_bytes} bytes once unpacked",
                    got="more; is this a zip bomb? Else raise max_unpacked_bytes",
                )
    except zlib.error as error:
        raise _malformed(file, error) from error
    if not unpacker.eof:
        raise _malformed(file, EOFError("it is truncated"))


def _malformed(file: Path, error: Exception) -> FormatError:
    reason = str(error).partition("\n")[0][:200] or type(error).__name__
    return FormatError(file, None, expected="a DocBin that spaCy wrote", got=f"not one: {reason}")


def _convert(doc: Doc, document_id: str, file: Path, counts: _Counts) -> Document:
    text = doc.text
    words = [t for t in doc if t.text and not t.text.isspace()]
    starts = tuple(_sentence_starts(doc))
    # Blank tokens count only where there is nothing else.
    unknown = [token.ent_iob == 0 for token in words or doc]
    annotations = None if all(unknown) and not doc.ents else _annotations(doc, file, counts)
    counts.span_groups += sum(map(len, doc.spans.values()))
    return Document(
        id=document_id,
        text=text[:-1] if doc.has_unknown_spaces and text.endswith(" ") else text,
        words=tuple(Characters(token.idx, token.idx + len(token.text)) for token in words),
        sentence_starts=starts,
        annotations=annotations,
        annotates=frozenset() if annotations is not None and any(unknown) else None,
        provenance=Provenance(str(file)),
    )


def _sentence_starts(doc: Doc) -> Iterator[int]:
    """Numbers of the words that begin a sentence; blank tokens in front of one do not count."""
    number = 0
    pending = False
    # spaCy says "yes" of every first word, so the others must show that anything is known.
    marks = doc.to_array("SENT_START").tolist()
    if not any(marks[1:]):
        return
    for token, mark in zip(doc, marks, strict=True):
        pending = pending or mark == 1
        if not token.text or token.text.isspace():
            continue
        if pending:
            yield number
        pending = False
        number += 1


def _annotations(doc: Doc, file: Path, counts: _Counts) -> tuple[Annotation, ...]:
    annotations: list[Annotation] = []
    for entity in doc.ents:
        surface = entity.text
        visible = surface.strip()
        if not visible:
            counts.blank_entities += 1
            continue
        counts.kb_ids += bool(entity.kb_id)
        start = entity.start_char + len(surface) - len(surface.lstrip())
        labels = _labels(entity.label_, file)
        annotations.append(Annotation(start, start + len(visible), labels))
    return tuple(annotations)


def _labels(label: str, file: Path) -> tuple[str, ...]:
    try:
        return LabelSet.of(label.split("|")).types
    except LabelError:
        raise FormatError(
            file,
            None,
            expected="labels of 1-100 characters without white space, not 'O'",
            got=f"{shown(label)}; rename it in spaCy first",
        ) from None


def _left_out(counts: _Counts) -> LeftOut:
    left_out = LeftOut()
    for number, what in (
        (counts.kb_ids, "knowledge-base ids"),
        (counts.span_groups, "spans of span groups"),
        (counts.blank_entities, "entities of white space"),
    ):
        if number:
            left_out.add(1, f"{number} {what} left out")
    return left_out
