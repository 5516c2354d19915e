"""Cleaned documents without duplicates, cut into what is trained on and what is held out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TextIO

from ossamma.data.pretraining.cleaned import SourceWork
from ossamma.data.pretraining.cleaning import CleanSettings
from ossamma.data.pretraining.duplicates import Duplicates
from ossamma.data.pretraining.prints import DuplicateSettings
from ossamma.data.pretraining.quality import fault_of
from ossamma.data.readers.jsonl import jsonl_line
from ossamma.data.split import unit_hash
from ossamma.schema.atomic import atomic_write
from ossamma.schema.errors import ConfigurationError
from ossamma.schema.spans import Document


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldOutShare:
    """Which documents are not trained on."""

    share: float = 0.01
    """Share of the documents; the parts of one document stay together."""
    salt: str = "held-out"
    """Another salt holds other documents out."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.share < 1.0:
            raise ConfigurationError(f"share must lie in [0, 1), got {self.share}")

    def has(self, document: Document) -> bool:
        """Whether a document is held out: by data set and group (else id), and nothing else."""
        name = f"{document.dataset}:{document.group or document.id}"
        return unit_hash(name, self.salt) < self.share


class SourceCounts:
    """What became of the cleaned documents of a source."""

    def __init__(self) -> None:
        self.kept = {"train": Counter[str](), "held_out": Counter[str]()}
        self.duplicates: Counter[str] = Counter()

    def keep(self, part: str, text: str) -> None:
        """Count a document of a part."""
        self.kept[part].update(documents=1, characters=len(text), words=len(text.split()))

    def to_json(self) -> dict[str, object]:
        """Return the counts as JSON values."""
        kinds = ("exact", "near", "lines", "left too short")
        names = ("documents", "words", "characters")
        return {
            "duplicates": {kind: self.duplicates[kind] for kind in kinds},
            "kept": {
                part: {name: counts[name] for name in names} for part, counts in self.kept.items()
            },
        }


class Selection:
    """Writes source after source, in the order in which their duplicates were found."""

    def __init__(
        self, duplicates: Duplicates, settings: DuplicateSettings, held_out: HeldOutShare
    ) -> None:
        self._duplicates = duplicates
        self._settings = settings
        self._held_out = held_out
        self._num_documents = self._num_lines = 0

    def write(
        self, work: SourceWork, train: Path, held_out: Path, *, clean: CleanSettings
    ) -> SourceCounts:
        """Write the next source's documents that are no duplicates; each file whole or not at all.

        Raises:
            DataError: a file cannot be written.
        """
        counts = SourceCounts()
        with atomic_write(train) as train_file, atomic_write(held_out) as held_out_file:
            for line, document in work.documents():
                remaining = self._remaining(document, counts, clean)
                if remaining is None:
                    continue
                is_held_out = self._held_out.has(document)
                file: TextIO = held_out_file if is_held_out else train_file
                file.write(f"{line}\n" if remaining is document else jsonl_line(remaining))
                counts.keep("held_out" if is_held_out else "train", remaining.text)
        return counts

    def _remaining(
        self, document: Document, counts: SourceCounts, clean: CleanSettings
    ) -> Document | None:
        """Return what is left of the next document."""
        number, self._num_documents = self._num_documents, self._num_documents + 1
        text = self._without_lines(document.text, counts)
        for kind, flags in (("exact", self._duplicates.exact), ("near", self._duplicates.near)):
            if number in flags:
                counts.duplicates[kind] += 1
                return None
        if text == document.text:
            return document
        if not text or (clean.quality is not None and fault_of(text, clean.quality)):
            counts.duplicates["left too short"] += 1
            return None
        return replace(document, text=text)

    def _without_lines(self, text: str, counts: SourceCounts) -> str:
        """Return a text without its repeated lines, and go on behind its lines."""
        if not self._settings.line_copies:
            return text
        kept = []
        for line in text.split("\n"):
            if len(line) < self._settings.line_characters:
                kept.append(line)
                continue
            if self._num_lines in self._duplicates.lines:
                counts.duplicates["lines"] += 1
            else:
                kept.append(line)
            self._num_lines += 1
        return "\n".join(kept).strip() if len(kept) <= text.count("\n") else text
