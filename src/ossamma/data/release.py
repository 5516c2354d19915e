"""A licensed release on the user's disk: its parts, and their files read where they lie."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from hashlib import sha256
from itertools import takewhile
from pathlib import Path, PurePosixPath
from typing import Any, Final

from ossamma.data.catalog import CardFile, DatasetCard, Split
from ossamma.data.checksum import digest_of
from ossamma.data.readers.corpus import ReadReport, Remark
from ossamma.data.readers.registry import iter_annotated
from ossamma.schema.errors import DataError
from ossamma.schema.spans import Document

ONTONOTES: Final = "ontonotes5"
"""The card of OntoNotes 5."""
_WILD: Final = frozenset("*?[")


class FolderStream(Iterator[Document]):
    """The documents of all files of a folder, one at a time; `report` sums up those read so far.

    One file is in memory at a time, if its format can be read so (see `iter_annotated`).
    """

    def __init__(self, folder: Path, file_format: str, options: Mapping[str, Any]) -> None:
        self._corpora = iter_annotated(folder, file_format, options)
        self._documents = self._read()
        self._labels: Counter[str] = Counter()
        self.report = ReadReport(documents=0, sentences=0, words=0, entities=0)

    def __next__(self) -> Document:
        """Return the next document. Raises StopIteration at the end, errors as `iter_annotated`."""
        return next(self._documents)

    def _read(self) -> Iterator[Document]:
        for corpus in self._corpora:
            self._add(corpus.report, corpus.path.name)
            yield from corpus.documents

    def _add(self, report: ReadReport, name: str) -> None:
        total = self.report
        self._labels.update(report.labels)
        self.report = replace(
            total,
            documents=total.documents + report.documents,
            sentences=total.sentences + report.sentences,
            words=total.words + report.words,
            entities=total.entities + report.entities,
            labels=dict(self._labels.most_common()),
            skipped=(*total.skipped, *_named(report.skipped, name)),
            notes=(*total.notes, *_named(report.notes, name)),
        )


def _named(remarks: Iterable[Remark], name: str) -> Iterator[Remark]:
    """Say of which file a remark is."""
    return (replace(each, text=f"{name}: {each.text}") for each in remarks)


def folder_digest(folder: Path) -> str:
    """Return a SHA-256 in hex over the names and contents of all files below a folder."""
    digest = sha256()
    for path in sorted(file for file in folder.rglob("*") if file.is_file()):
        line = f"{path.relative_to(folder).as_posix()}\0{digest_of(path).sha256}\n"
        digest.update(line.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def release_parts(card: DatasetCard, folder: Path) -> dict[Split, Path]:
    """Find the folder of each part of a release, in the order of its card.

    The card's patterns say where the parts lie; `folder` may be the release, or the one folder in
    it in which all of them lie. Parts that are not there are left out.

    Raises:
        DataError: no such folder, or none of the parts in it.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; {card.advice}")
    patterns = {
        file.split: _fixed(file)
        for file in card.files
        if file.split is not None and file.is_pattern
    }
    parts = {
        split: found for split, way in patterns.items() if (found := _find(folder, way)) is not None
    }
    if not parts:
        expected = ", ".join(str(way) for way in patterns.values())
        raise DataError(
            f"{folder}: expected the folder of {card.title} with {expected}, got none of them; "
            f"{card.advice}"
        )
    return parts


def _fixed(file: CardFile) -> PurePosixPath:
    """Return what stands in a pattern before its first wild card, folder by folder."""
    parts = PurePosixPath(file.path).parts
    return PurePosixPath(*takewhile(_WILD.isdisjoint, parts))


def _find(folder: Path, way: PurePosixPath) -> Path | None:
    places = (folder / way, folder.joinpath(*way.parts[1:]))
    return next((place for place in places if place.is_dir()), None)
