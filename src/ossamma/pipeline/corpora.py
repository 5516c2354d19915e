"""Files to harmonised documents: reading, choosing the profile and the label map, a fingerprint."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ossamma.data.harmonise import HarmoniseReport, harmonise
from ossamma.data.readers.corpus import Corpus
from ossamma.pipeline.labelled import AUTO, read_corpus, sha256_of
from ossamma.schema.errors import DataError, ProfileError
from ossamma.schema.profile import DatasetTable, Profile, load_profile, native_profile
from ossamma.schema.spans import Document

NATIVE = "native"
"""The profile made from the labels of the training file itself."""
TRAIN = "train"
"""The split that decides: its labels choose the table, and make the native profile."""


@dataclass(frozen=True, slots=True)
class Split:
    """One file's documents in the profile's types. `sha256` is that of the file."""

    path: Path
    sha256: str
    documents: tuple[Document, ...]
    corpus: Corpus
    harmonised: HarmoniseReport

    def facts(self) -> dict[str, Any]:
        """What a run should remember of the file, in plain JSON types."""
        report = self.corpus.report
        return {
            "path": str(self.path),
            "sha256": self.sha256,
            "format": self.corpus.format,
            "documents": report.documents,
            "sentences": report.sentences,
            "words": report.words,
            "entities": report.entities,
            "repaired_tags": report.repaired_tags,
            "skipped_sentences": report.skipped_sentences,
            "table": self.harmonised.table,
            "mapped": [list(row) for row in self.harmonised.rows()],
        }


def read_split(
    path: Path, profile: Profile, *, table: str | None = None, file_format: str = AUTO
) -> Split:
    """Read one labelled file and bring it to the profile's types.

    Args:
        path: a file of a format that `read_corpus` knows.
        profile: the types wanted.
        table: the profile's label map to use; None chooses by the labels that occur.
        file_format: a reader's name, or "auto".

    Raises:
        DataError, FormatError: the file cannot be read, or has labels that the table does not know.
        ProfileError: there is no such table, or none that fits.
    """
    corpus = read_corpus(path, file_format, types=profile.labels.types)
    return _harmonise(corpus, profile, _choose_table(corpus, profile, table))


def read_splits(
    profile_name: str,
    files: Mapping[str, Path],
    *,
    table: str | None = None,
    file_format: str = AUTO,
) -> tuple[Profile, dict[str, Split]]:
    """Read the files of a run and bring them all to one profile.

    The other files are of the data set of the training file, so its label map serves for them too
    if it knows their labels.

    Args:
        profile_name: a name or path; "native" makes a profile of the training file's labels.
        files: the path of each split; "train" must be among them.
        table: the profile's label map to use; None chooses by the labels that occur.
        file_format: a reader's name, or "auto".

    Raises:
        DataError, FormatError: a file cannot be read, or has a label that is not known.
        ProfileError: there is no such profile or table, or no table fits.
    """
    corpora = {name: read_corpus(path, file_format) for name, path in files.items()}
    profile = choose_profile(profile_name, corpora[TRAIN])
    if profile_name == NATIVE:
        _refuse_foreign_labels(profile, corpora)
    chosen = _choose_table(corpora[TRAIN], profile, table)
    known = set(profile.labels.types if chosen is None else chosen.labels)
    splits = {}
    for name, corpus in corpora.items():
        same_table = table is not None or _labels_in(corpus) <= known
        own = chosen if same_table else _choose_table(corpus, profile, None)
        splits[name] = _harmonise(corpus, profile, own)
    return profile, splits


def choose_profile(name: str, train: Corpus) -> Profile:
    """Load a profile by name or path; "native" makes one from the training file's labels."""
    if name != NATIVE:
        return load_profile(name)
    annotated = {t for d in train.documents for t in d.annotates or ()}
    return native_profile(_labels_in(train) | annotated)


def fingerprint(splits: Mapping[str, Split]) -> str:
    """Return one SHA-256 over the files of a run, in the order of their names."""
    digest = hashlib.sha256()
    for name in sorted(splits):
        digest.update(f"{name}\0{splits[name].sha256}\n".encode())
    return digest.hexdigest()


def _harmonise(corpus: Corpus, profile: Profile, table: DatasetTable | None) -> Split:
    documents, report = harmonise(corpus.documents, profile, table)
    return Split(corpus.path, sha256_of(corpus.path), tuple(documents), corpus, report)


def _labels_in(corpus: Corpus) -> set[str]:
    return {t for d in corpus.documents for a in d.annotations or () for t in a.labels}


def _choose_table(corpus: Corpus, profile: Profile, name: str | None) -> DatasetTable | None:
    if name is not None:
        return profile.table(name)
    try:
        return profile.table_for(_labels_in(corpus))
    except ProfileError as error:
        raise ProfileError(f"{corpus.path}: {error}") from None


def _refuse_foreign_labels(profile: Profile, corpora: Mapping[str, Corpus]) -> None:
    for corpus in corpora.values():
        foreign = _labels_in(corpus) - set(profile.labels.types)
        if foreign:
            raise DataError(
                f"{corpus.path}: expected labels of the training file "
                f"({', '.join(profile.labels.types)}), got {', '.join(sorted(foreign))} as well; "
                "a type without training examples cannot be learned: take it out, or add examples"
            )
