"""The documents that a system is scored on: one or several labelled files, in one set of types."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ossamma.data.readers.corpus import ReadReport
from ossamma.evaluation.gold_notes import notes_on_gold
from ossamma.pipeline.corpora import read_split
from ossamma.pipeline.labelled import AUTO, read_corpus, sha256_of
from ossamma.schema.errors import ConfigurationError
from ossamma.schema.profile import Profile
from ossamma.schema.spans import Document


@dataclass(frozen=True, slots=True)
class GoldFile:
    """One file, as it was read. `table` is the label map that was used, if one was."""

    path: Path
    sha256: str
    format: str
    table: str | None
    documents: tuple[Document, ...]
    report: ReadReport

    @property
    def dataset(self) -> str:
        """The corpus whose label map was used, or the name of the file."""
        return self.table or self.path.name


@dataclass(frozen=True, slots=True)
class Gold:
    """The files in the order given."""

    files: tuple[GoldFile, ...]

    @property
    def documents(self) -> tuple[Document, ...]:
        """All documents; those that do not say of which corpus they are, are their file's.

        A file that a label map was made for is of that map's corpus.
        """
        return tuple(
            document if document.dataset else replace(document, dataset=file.dataset)
            for file in self.files
            for document in file.documents
        )

    @property
    def sha256(self) -> str:
        """The file's SHA-256; of several files, that over theirs in their order."""
        hashes = [file.sha256 for file in self.files]
        if len(hashes) == 1:
            return hashes[0]
        return hashlib.sha256("\n".join(hashes).encode()).hexdigest()

    def facts(self) -> dict[str, Any]:
        """What a report says of the gold documents, in plain JSON types."""
        documents = self.documents
        return {
            "path": ", ".join(str(file.path) for file in self.files),
            "sha256": self.sha256,
            "documents": len(documents),
            "datasets": dict(sorted(Counter(d.dataset for d in documents).items())),
            "files": [
                {
                    "path": str(file.path),
                    "sha256": file.sha256,
                    "format": file.format,
                    "table": file.table,
                    "documents": len(file.documents),
                }
                for file in self.files
            ],
            "notes": self.notes(),
        }

    def notes(self) -> list[str]:
        """What a person should know before the scores are believed."""
        return [
            *(note for file in self.files for note in _reading_notes(file)),
            *notes_on_gold(self.documents),
        ]


def read_gold(
    files: Sequence[Path],
    profile: Profile | None,
    *,
    table: str | None = None,
    file_format: str = AUTO,
) -> Gold:
    """Read labelled files.

    Args:
        files: at least one.
        profile: whose types the labels are mapped to; None takes them as they are.
        table: the profile's label map; None chooses one for each file by its labels.
        file_format: a reader's name, or "auto".

    Raises:
        ConfigurationError: a label map without a profile.
        DataError, FormatError, ProfileError: a file cannot be read, or its labels are not known.
    """
    assert files, "there is something to read"
    if profile is None and table is not None:
        raise ConfigurationError(f"the label map {table!r} belongs to a profile; give --profile P")
    return Gold(tuple(_read(path, profile, table=table, file_format=file_format) for path in files))


def _read(path: Path, profile: Profile | None, *, table: str | None, file_format: str) -> GoldFile:
    if profile is not None:
        split = read_split(path, profile, table=table, file_format=file_format)
        corpus, documents = split.corpus, split.documents
        return GoldFile(
            path, split.sha256, corpus.format, split.harmonised.table, documents, corpus.report
        )
    corpus = read_corpus(path, file_format)
    return GoldFile(path, sha256_of(path), corpus.format, None, corpus.documents, corpus.report)


def _reading_notes(file: GoldFile) -> Iterator[str]:
    if number := file.report.repaired_tags:
        yield f"{number} forbidden tags were repaired in {file.path}"
    if remarks := file.report.skipped:
        yield f"{len(remarks)} things were left out of {file.path}, such as {remarks[0]}"
