"""Texts as memory-mapped rows of pieces: written once, read from the disk in any order.

    STORE/
      index.json       numbers, tokenizer, word features, SHA-256 of every file
      pieces.bin       the pieces of all rows, end to end: uint16, or uint32 for a large vocabulary
      starts.bin       one byte a piece: 1 where a word begins, 0 inside a word, 2 outside words
      features.bin     the hashed features of all words, uint16 (words, F); absent without features
      rows.bin         int64 (rows + 1, 2): where each row begins, in pieces and in words

A row is a stretch of one document, cut where the tagger's windows would be cut: at line ends if it
can be, else between words. So a row never holds two documents, and nothing in the model can carry
from one into the other. [CLS] and [SEP] around a row are not stored.

Memory does not grow with the text: files are appended to, and mapped for reading.

T pieces of a row, F word features.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
import numpy.typing as npt

from ossamma.schema.atomic import atomic_write
from ossamma.schema.errors import ConfigurationError, DataError
from ossamma.schema.spans import Document
from ossamma.tokenization.alignment import AlignedText, align, words_of
from ossamma.tokenization.features import FeatureSpec, WordFeatures
from ossamma.tokenization.tokenizer import PieceTokenizer
from ossamma.tokenization.windows import tile_words

IntArray = npt.NDArray[np.int64]

INDEX_FILE: Final = "index.json"
FORMAT: Final = "ossamma-tokens/1"
_PIECES, _STARTS, _FEATURES, _ROWS = "pieces.bin", "starts.bin", "features.bin", "rows.bin"
_INSIDE, _START, _OUTSIDE = 0, 1, 2
NOT_IN_A_WORD: Final = -1


@dataclass(frozen=True, slots=True)
class TokenIndex:
    """What a store holds, and what it was made with."""

    format: str
    documents: int
    rows: int
    pieces: int
    words: int
    max_pieces: int
    vocab_size: int
    tokenizer_sha256: str
    word_features: list[list[object]]
    files: dict[str, str]


@dataclass(frozen=True, slots=True, eq=False)
class TextRow:
    """A stretch of one document as the model reads it, [CLS] and [SEP] included.

    `input_ids` (T,); `words` (T,): the number of the word that a piece belongs to, ascending, or
    NOT_IN_A_WORD at [CLS] and [SEP]; `features` (T, F), 0 outside words. `number` tells the rows of
    a corpus apart.
    """

    number: int
    input_ids: IntArray
    words: IntArray
    features: IntArray


def write_tokens(
    documents: Iterable[Document],
    folder: Path,
    tokenizer: PieceTokenizer,
    features: WordFeatures,
    *,
    max_pieces: int,
) -> TokenIndex:
    """Write a store, completely or not at all.

    Args:
        documents: read once; those without words are counted, but give no row.
        folder: must not exist yet.
        tokenizer: makes the pieces.
        features: makes the features of words; may have none.
        max_pieces: most pieces in a row, [CLS] and [SEP] not counted.

    Raises:
        DataError: the folder exists, or there is no word in any document.
        ConfigurationError: `max_pieces` leaves no room for the longest word, or a feature has more
            rows than fit.
    """
    if folder.exists():
        raise DataError(f"{folder} exists; choose a new folder for the tokens")
    if any(spec.rows > np.iinfo(np.uint16).max for spec in features.specs):
        raise ConfigurationError("word features in a token store have at most 65,535 rows each")
    temporary = folder.with_name(f".{folder.name}.unfinished")
    shutil.rmtree(temporary, ignore_errors=True)  # what a killed writer left
    temporary.mkdir(parents=True)
    try:
        index = _write_files(documents, temporary, tokenizer, features, max_pieces)
        if not index.rows:
            raise DataError(f"expected at least one word to write into {folder}, got none")
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return index


def _write_files(
    documents: Iterable[Document],
    folder: Path,
    tokenizer: PieceTokenizer,
    features: WordFeatures,
    max_pieces: int,
) -> TokenIndex:
    names = [_PIECES, _STARTS, _ROWS, *([_FEATURES] if features.specs else [])]
    with ExitStack() as stack:
        files = {name: _File(stack.enter_context((folder / name).open("wb"))) for name in names}
        writer = _RowWriter(files, tokenizer, features)
        for document in documents:
            writer.add(document, max_pieces)
        writer.finish()
    index = TokenIndex(
        format=FORMAT,
        documents=writer.documents,
        rows=writer.rows,
        pieces=writer.pieces,
        words=writer.words,
        max_pieces=max_pieces,
        vocab_size=tokenizer.vocab_size,
        tokenizer_sha256=tokenizer_sha256(tokenizer),
        word_features=[[spec.name, spec.rows] for spec in features.specs],
        files={name: file.digest.hexdigest() for name, file in sorted(files.items())},
    )
    with atomic_write(folder / INDEX_FILE) as file:
        json.dump(asdict(index), file, indent=1)
    return index


class _File:
    """A file that is appended to and hashed on the way."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.digest = hashlib.sha256()

    def append(self, array: npt.NDArray[np.generic]) -> None:
        content = np.ascontiguousarray(array).tobytes()
        self.file.write(content)
        self.digest.update(content)


class _RowWriter:
    """Cuts documents into rows and appends them."""

    def __init__(
        self, files: dict[str, _File], tokenizer: PieceTokenizer, features: WordFeatures
    ) -> None:
        self._files = files
        self._tokenizer = tokenizer
        self._features = features
        self._piece_type = _piece_type(tokenizer.vocab_size)
        self.documents = self.rows = self.pieces = self.words = 0

    def add(self, document: Document, max_pieces: int) -> None:
        """Write the rows of a document."""
        self.documents += 1
        words = words_of(document)
        if not words:
            return
        text = align(document, words, self._tokenizer, self._features)
        for window in tile_words(
            text.num_pieces, max_pieces=max_pieces, margin=0, cuts=text.breaks
        ):
            self._begin_row()
            self._append(text, window.core_start, window.core_end)
            self.rows += 1

    def finish(self) -> None:
        """Write where the last row ends."""
        self._begin_row()

    def _begin_row(self) -> None:
        self._files[_ROWS].append(np.array([self.pieces, self.words], dtype="<i8"))

    def _append(self, text: AlignedText, first: int, end: int) -> None:
        breaks = {word for word in text.breaks if first < word < end}
        pieces: list[int] = []
        starts: list[int] = []
        for word in range(first, end):
            if word in breaks:
                pieces.append(self._tokenizer.sep_id)
                starts.append(_OUTSIDE)
            pieces.extend(text.pieces[word])
            starts.extend([_START, *[_INSIDE] * (len(text.pieces[word]) - 1)])
        self._files[_PIECES].append(np.array(pieces, dtype=self._piece_type))
        self._files[_STARTS].append(np.array(starts, dtype=np.uint8))
        if self._features.specs:
            self._files[_FEATURES].append(text.features[first:end].astype("<u2"))
        self.pieces += len(pieces)
        self.words += end - first


class TokenStore:
    """A store opened for reading: rows in any order, from the disk."""

    def __init__(self, folder: Path, *, verify: bool = False) -> None:
        """Open a store; with `verify`, read every file and compare its SHA-256.

        Raises:
            DataError: no store, another version of it, or files that do not fit its index.
        """
        self.folder = folder
        self.index = _read_index(folder)
        width = len(self.index.word_features)
        shapes: dict[str, tuple[np.dtype[np.generic], tuple[int, ...]]] = {
            _PIECES: (_piece_type(self.index.vocab_size), (self.index.pieces,)),
            _STARTS: (np.dtype(np.uint8), (self.index.pieces,)),
            _ROWS: (np.dtype("<i8"), (self.index.rows + 1, 2)),
        }
        if width:
            shapes[_FEATURES] = (np.dtype("<u2"), (self.index.words, width))
        arrays = {}
        for name, (kind, shape) in shapes.items():
            path = folder / name
            expected = kind.itemsize * int(np.prod(shape))
            size = path.stat().st_size if path.is_file() else -1
            if size != expected:
                raise DataError(
                    f"{path}: expected {expected} bytes, got {max(size, 0)}; write anew"
                )
            if verify and _sha256(path) != self.index.files.get(name):
                raise DataError(f"{path}: its SHA-256 is not the one in {INDEX_FILE}; write anew")
            arrays[name] = np.memmap(path, dtype=kind, mode="r", shape=shape)
        self._pieces, self._starts, self._rows = (arrays[n] for n in (_PIECES, _STARTS, _ROWS))
        self._features = arrays.get(_FEATURES)

    def __len__(self) -> int:
        """Number of rows."""
        return self.index.rows

    @property
    def lengths(self) -> IntArray:
        """Pieces of every row, [CLS] and [SEP] included."""
        lengths: IntArray = np.diff(self._rows[:, 0]) + 2
        return lengths

    def row(self, number: int, tokenizer: PieceTokenizer) -> TextRow:
        """Return a row with [CLS] before and [SEP] behind it."""
        (start, first_word), (end, end_word) = self._rows[number], self._rows[number + 1]
        length = int(end - start) + 2
        input_ids = np.empty(length, dtype=np.int64)
        input_ids[0], input_ids[-1] = tokenizer.cls_id, tokenizer.sep_id
        input_ids[1:-1] = self._pieces[start:end]
        starts = self._starts[start:end]
        words = np.full(length, NOT_IN_A_WORD, dtype=np.int64)
        words[1:-1] = np.cumsum(starts == _START) - 1
        words[1:-1][starts == _OUTSIDE] = NOT_IN_A_WORD
        features = np.zeros((length, len(self.index.word_features)), dtype=np.int64)
        if self._features is not None:
            inside = words >= 0
            features[inside] = self._features[first_word:end_word][words[inside]]
        return TextRow(number, input_ids, words, features)

    def check_fits(self, tokenizer: PieceTokenizer, specs: Iterable[FeatureSpec]) -> None:
        """Refuse a store that was made with another tokenizer or other word features.

        Raises:
            ConfigurationError: it was.
        """
        wanted = [[spec.name, spec.rows] for spec in specs]
        if self.index.tokenizer_sha256 != tokenizer_sha256(tokenizer):
            raise ConfigurationError(f"{self.folder} was made with another tokenizer; write anew")
        if self.index.word_features != wanted:
            raise ConfigurationError(
                f"{self.folder}: expected word features {wanted}, got those of "
                f"{self.index.word_features}; write anew"
            )


def iter_rows(store: TokenStore, tokenizer: PieceTokenizer) -> Iterator[TextRow]:
    """Yield all rows in order."""
    for number in range(len(store)):
        yield store.row(number, tokenizer)


def tokenizer_sha256(tokenizer: PieceTokenizer) -> str:
    """Return the SHA-256 of a tokenizer's serialised form."""
    return hashlib.sha256(tokenizer.backend.to_str(pretty=False).encode()).hexdigest()


def _piece_type(vocab_size: int) -> np.dtype[np.generic]:
    return np.dtype("<u2" if vocab_size <= 1 << 16 else "<u4")


def _read_index(folder: Path) -> TokenIndex:
    path = folder / INDEX_FILE
    try:
        index = TokenIndex(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise DataError(f"{folder} is not a token store: {error}") from error
    if index.format != FORMAT:
        raise DataError(f"{path}: expected format {FORMAT}, got {index.format!r}; write anew")
    return index


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
