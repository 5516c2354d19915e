"""Documents to spaCy's binary training files (.spacy), in shards that spaCy can load."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from spacy.tokens import Doc, DocBin, Span
from spacy.vocab import Vocab

from ossamma.data.writers.words import LaidWords, SplitWords, lay_out
from ossamma.schema.atomic import atomic_write
from ossamma.schema.errors import ConfigurationError, DataError
from ossamma.schema.spans import Document
from ossamma.schema.supervision import WordSpan

_ATTRIBUTES: Final = ("ORTH", "ENT_IOB", "ENT_TYPE", "SENT_START")
_BYTES_PER_WORD: Final = 8 * len(_ATTRIBUTES) + 1
_MESSAGEPACK_LIMIT: Final = 2**31 - 1


@dataclass(frozen=True, kw_only=True, slots=True)
class DocBinOutput:
    """How to say in spaCy's terms what spaCy has no terms for."""

    split_words: SplitWords | None = None
    """Splits the text of documents that have no words. None: such a document is refused."""
    types: frozenset[str] | None = None
    """All types of the model. A document that annotates every one of them is complete. None: a
    document is complete only when its own `annotates` is None."""
    outside: Literal["missing", "if_annotated", "as_o"] = "missing"
    """Words outside the entities of an incomplete document. "missing": unknown, so spaCy learns
    nothing from them and may predict any type there. "as_o": taken for outside, which teaches
    spaCy that types which the source never marked are not there. "if_annotated": taken for outside
    where the document annotates some type in full, unknown where it annotates none."""
    candidates: Literal["missing", "joined"] = "missing"
    """An entity with several candidate types. "missing": its words are unknown. "joined": it gets
    the label `A|B`, which keeps everything but is a type of its own to spaCy."""
    max_shard_bytes: int = 2**27
    """A further file is begun beyond this (before compression). spaCy cannot load 2 GiB, and
    writing a shard takes about four times its size."""

    def __post_init__(self) -> None:
        if self.outside not in {"missing", "if_annotated", "as_o"}:
            raise ConfigurationError(
                f"outside must be 'missing', 'if_annotated' or 'as_o', got {self.outside!r}"
            )
        if self.candidates not in {"missing", "joined"}:
            raise ConfigurationError(
                f"candidates must be 'missing' or 'joined', got {self.candidates!r}"
            )
        if not 0 < self.max_shard_bytes < _MESSAGEPACK_LIMIT:
            raise ConfigurationError(
                f"max_shard_bytes must lie in [1, {_MESSAGEPACK_LIMIT}), got {self.max_shard_bytes}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class DocBinReport:
    """What was written, and what spaCy was told of it."""

    files: tuple[Path, ...] = ()
    """The files, in order."""
    documents: int = 0
    words: int = 0
    entities: int = 0
    """Entities that spaCy learns from."""
    empty_documents: int = 0
    """Documents without any text, which were left out."""
    incomplete_documents: int = 0
    """Documents in which some or all words outside the entities are of unknown type."""
    candidate_entities: int = 0
    """Entities with several candidate types (see `DocBinOutput.candidates`)."""


DEFAULT_DOCBIN_OUTPUT: Final = DocBinOutput()


def write_docbin(
    path: str | Path, documents: Iterable[Document], settings: DocBinOutput = DEFAULT_DOCBIN_OUTPUT
) -> DocBinReport:
    """Write documents as `.spacy`; the same documents give the same bytes.

    spaCy's text is the document's, to the character: what lies between the words becomes words
    too. Words are cut at the borders of entities, so that `ent.text` is the marked text (without
    white space at its ends). An unlabelled document is all unknown. Ids, weights, groups, origins
    and confidences are lost.

    One shard is a file of the name `path`. Several become a folder of that name, which spaCy's
    `--paths.train` takes as well. Either appears as a whole or not at all.

    Raises:
        DataError: no document, one without words where nothing splits it, text that is not
            Unicode, or a place that cannot be written.
        AnnotationError: entities that overlap or hold only white space.
    """
    path = Path(path)
    shards = _Shards(settings)
    with _folder_beside(path) as folder:
        names: list[str] = []
        for content in shards.pack(documents):
            names.append(f"part-{len(names) + 1:05d}.spacy")
            with atomic_write(folder / names[-1], binary=True) as file:
                file.write(content)
        if not names:
            raise DataError(f"{path}: expected at least one document with text, got none")
        _install(folder, names, path)
    files = (path,) if len(names) == 1 else tuple(path / name for name in names)
    return shards.report(files)


class _Shards:
    """Packs documents into shards and counts them."""

    def __init__(self, settings: DocBinOutput) -> None:
        self._settings = settings
        self._counts = dict.fromkeys(DocBinReport.__slots__[1:], 0)

    def pack(self, documents: Iterable[Document]) -> Iterator[bytes]:
        """The bytes of one shard after the other."""
        # A vocabulary grows with its texts: each shard has its own.
        shard, vocab, num_bytes = DocBin(attrs=_ATTRIBUTES), Vocab(), 0
        for document in documents:
            doc = self._convert(document, vocab)
            if doc is None:
                continue
            size = len(doc) * _BYTES_PER_WORD
            if num_bytes and num_bytes + size > self._settings.max_shard_bytes:
                yield shard.to_bytes()
                shard, vocab, num_bytes = DocBin(attrs=_ATTRIBUTES), Vocab(), 0
                doc = _copy(doc, vocab)
            if size >= _MESSAGEPACK_LIMIT:
                raise DataError(
                    f"{document.where}: {len(doc)} words do not fit into one spaCy file; split it"
                )
            shard.add(doc)
            num_bytes += size
        if num_bytes:
            yield shard.to_bytes()

    def report(self, files: tuple[Path, ...]) -> DocBinReport:
        return DocBinReport(files=files, **self._counts)

    def _convert(self, document: Document, vocab: Vocab) -> Doc | None:
        laid = lay_out(document, self._settings.split_words, tile=True)
        if not laid.words:
            self._counts["empty_documents"] += 1
            return None
        doc = _bare_doc(document, laid, vocab)
        certain = [entity for entity in laid.entities if self._is_certain(entity)]
        unknown = [entity for entity in laid.entities if not self._is_certain(entity)]
        missing_outside = self._is_unknown_outside(document)
        doc.set_ents(
            [Span(doc, e.first_word, e.end_word, label="|".join(e.labels)) for e in certain],
            missing=[Span(doc, e.first_word, e.end_word) for e in unknown],
            default="missing" if missing_outside else "outside",
        )
        several = sum(len(entity.labels) > 1 for entity in laid.entities)
        self._count(documents=1, words=len(laid.words), entities=len(certain))
        self._count(incomplete_documents=missing_outside, candidate_entities=several)
        return doc

    def _is_certain(self, entity: WordSpan) -> bool:
        return len(entity.labels) == 1 or self._settings.candidates == "joined"

    def _is_unknown_outside(self, document: Document) -> bool:
        if document.annotations is None:
            return True
        if document.annotates is None or self._settings.outside == "as_o":
            return False
        if self._settings.outside == "if_annotated":
            return not document.annotates
        types = self._settings.types
        return types is None or not types <= document.annotates

    def _count(self, **counts: int) -> None:
        for name, number in counts.items():
            self._counts[name] += number


def _bare_doc(document: Document, laid: LaidWords, vocab: Vocab) -> Doc:
    text = document.text
    ends = [word.start for word in laid.words[1:]] + [len(text)]
    sentence_starts: list[bool | int | None] | None = None
    if laid.sentence_starts:
        sentence_starts = [False] * len(laid.words)
        for start in laid.sentence_starts:
            sentence_starts[start] = True
    try:
        doc = Doc(
            vocab,
            words=[text[word.start : word.end] for word in laid.words],
            spaces=[end > word.end for word, end in zip(laid.words, ends, strict=True)],
            sent_starts=sentence_starts,
        )
    except UnicodeEncodeError as error:
        raise DataError(
            f"{document.where}: expected Unicode text, got a lone surrogate at character "
            f"{error.start} of a word; decode the text properly first"
        ) from error
    assert doc.text == text, "the words and single spaces tile the text"
    return doc


def _copy(doc: Doc, vocab: Vocab) -> Doc:
    """The same document in another vocabulary."""
    single = DocBin(attrs=_ATTRIBUTES, docs=[doc])
    return next(single.get_docs(vocab))


@contextmanager
def _folder_beside(path: Path) -> Iterator[Path]:
    """A fresh folder on the same file system, gone at the end."""
    if not path.parent.is_dir():
        raise DataError(f"cannot write {path}: the folder {path.parent} does not exist; create it")
    if path.is_dir() and not _is_ours(path):
        raise DataError(f"cannot write {path}: it is a folder of other files; choose another name")
    folder = path.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        folder.mkdir()
    except OSError as error:
        raise DataError(f"cannot write {path}: {error.strerror}; choose another folder") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _is_ours(folder: Path) -> bool:
    return all(entry.match("part-?????.spacy") for entry in folder.iterdir())


def _install(folder: Path, names: list[str], path: Path) -> None:
    """Give the finished shards their name, in place of what an earlier run left there."""
    if path.is_dir():
        path.rename(folder / "old")
    if len(names) == 1:
        (folder / names[0]).replace(path)
        return
    ready = folder / "new"
    ready.mkdir()
    for name in names:
        (folder / name).rename(ready / name)
    if path.exists():
        path.unlink()
    ready.rename(path)
