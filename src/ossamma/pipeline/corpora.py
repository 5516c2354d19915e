"""Files to harmonised documents: reading, choosing the label map, and a fingerprint."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ossamma.data.harmonise import HarmoniseReport, harmonise
from ossamma.data.readers.conll import ConllFormat
from ossamma.data.readers.corpus import Corpus
from ossamma.data.readers.detect import read_documents
from ossamma.schema.profile import DatasetTable, Profile, load_profile, native_profile
from ossamma.schema.spans import Document

NATIVE = "native"
"""The profile made from the labels of the training file itself."""


@dataclass(frozen=True, slots=True)
class Split:
    """One file's documents in the profile's types."""

    path: Path
    documents: tuple[Document, ...]
    corpus: Corpus
    harmonised: HarmoniseReport

    def facts(self) -> dict[str, Any]:
        """What a run should remember of the file, in plain JSON types."""
        report = self.corpus.report
        return {
            "path": str(self.path),
            "sha256": hashlib.sha256(self.path.read_bytes()).hexdigest(),
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
    path: Path,
    profile: Profile,
    *,
    table: str | None = None,
    file_format: str = "auto",
    conll: ConllFormat | None = None,
) -> Split:
    """Read one labelled file and bring it to the profile's types.

    Args:
        path: CoNLL columns or JSONL.
        profile: the types wanted.
        table: the profile's label map to use; None chooses by the labels that occur.
        file_format: "auto", "conll" or "jsonl".
        conll: columns and policies for CoNLL files.
    """
    corpus = _read(path, file_format, conll)
    chosen = _choose_table(corpus, profile, table)
    documents, report = harmonise(corpus.documents, profile, chosen)
    return Split(path, tuple(documents), corpus, report)


def choose_profile(
    name: str, train: Path, *, file_format: str = "auto", conll: ConllFormat | None = None
) -> Profile:
    """Load a profile by name or path; "native" makes one from the training file's labels."""
    if name != NATIVE:
        return load_profile(name)
    corpus = _read(train, file_format, conll)
    types = {t for d in corpus.documents for a in d.annotations or () for t in a.labels}
    annotated = {t for d in corpus.documents for t in d.annotates or ()}
    return native_profile(sorted(types | annotated))


def fingerprint(splits: Mapping[str, Split]) -> str:
    """Return one SHA-256 over the files of a run, in the order of their names."""
    digest = hashlib.sha256()
    for name in sorted(splits):
        digest.update(f"{name}\0{splits[name].facts()['sha256']}\n".encode())
    return digest.hexdigest()


def _read(path: Path, file_format: str, conll: ConllFormat | None) -> Corpus:
    return read_documents(path, format=file_format, conll=conll or ConllFormat())  # type: ignore[arg-type]


def _choose_table(corpus: Corpus, profile: Profile, name: str | None) -> DatasetTable | None:
    if name is not None:
        return profile.table(name)
    labels = {t for d in corpus.documents for a in d.annotations or () for t in a.labels}
    return profile.table_for(labels)


def texts_of(documents: Sequence[Document]) -> list[str]:
    """Return the texts, for training a tokenizer."""
    return [document.text for document in documents]
