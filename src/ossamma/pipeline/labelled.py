"""One labelled file, or a folder where the format comes in folders, of any format that is read."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from pathlib import Path
from typing import Final

from ossamma.data.readers.corpus import Corpus, LeftOut, make_corpus
from ossamma.data.readers.detect import detect_format
from ossamma.data.readers.registry import iter_annotated
from ossamma.schema.errors import ConfigurationError

AUTO: Final = "auto"
_DOCBIN: Final = ".spacy"
_MARKERS: Final = "inline_markers"


def read_corpus(path: Path, file_format: str = AUTO, *, types: Collection[str] = ()) -> Corpus:
    """Read labelled documents.

    Args:
        path: a file, or a folder of a format that comes in folders.
        file_format: a reader's name; "auto" knows a DocBin by its name `.spacy`, and tells columns
            from JSON lines by the content.
        types: the types that make a marker, for texts with inline markers.

    Raises:
        ConfigurationError: no such format, or a library that it needs is not installed.
        FormatError, DataError: the file cannot be read.
    """
    chosen = format_of(path) if file_format == AUTO else file_format
    if chosen == _MARKERS and not types:
        raise ConfigurationError(
            f"{path}: expected a profile, whose types make the markers; give --profile P"
        )
    options = {"types": frozenset(types)} if chosen == _MARKERS else None
    corpora = list(iter_annotated(path, chosen, options))
    if len(corpora) == 1:
        return corpora[0]
    documents = [document for corpus in corpora for document in corpus.documents]
    remarks = [remark for corpus in corpora for remark in corpus.report.skipped]
    left_out = LeftOut()
    for remark in remarks:
        left_out.add(remark.line, remark.text)
    return make_corpus(path, chosen, documents, left_out)


def format_of(path: Path) -> str:
    """Tell the format of a labelled file by its name or content.

    Raises:
        DataError: it cannot be read.
    """
    return "docbin" if path.suffix == _DOCBIN else detect_format(path)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file; of a folder, that over the names and hashes of its files."""
    if not path.is_dir():
        return hashlib.sha256(path.read_bytes()).hexdigest()
    digest = hashlib.sha256()
    for file in sorted(path.rglob("*")):
        if file.is_file():
            name = file.relative_to(path).as_posix()
            digest.update(f"{sha256_of(file)}  {name}\n".encode())
    return digest.hexdigest()
