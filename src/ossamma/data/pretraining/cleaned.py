"""One source read, cleaned and kept clear of protected sets, with its prints: a folder of work.

FOLDER/
  documents.jsonl   the documents that are left, duplicates among them
  facts.json        what was read and left out, and the fingerprint of it all
  *.bin             the prints (see `prints.py`)
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from ossamma.data.pretraining.cleaning import CleanCounts, CleanSettings, clean_parts
from ossamma.data.pretraining.corpus_stream import CorpusLimits, CorpusReport, CorpusStream
from ossamma.data.pretraining.prints import DuplicateSettings, PrintMaker, PrintWriter
from ossamma.data.pretraining.protection import Protection
from ossamma.data.pretraining.registry import open_corpus
from ossamma.data.pretraining.sources import InputDigest, TextSource
from ossamma.data.readers.jsonl import jsonl_line, stream_texts
from ossamma.data.text_prints import batches
from ossamma.schema.atomic import atomic_write
from ossamma.schema.spans import Document

FACTS_FILE: Final = "facts.json"
_DOCUMENTS: Final = "documents.jsonl"


@dataclass(frozen=True, kw_only=True, slots=True)
class CleanTask:
    """All that a process needs to clean one source."""

    source: TextSource
    clean: CleanSettings
    duplicates: DuplicateSettings
    limits: CorpusLimits
    protected: tuple[Path, ...]
    sentence_words: int
    folder: Path
    fingerprint: str
    digest: InputDigest

    @property
    def name(self) -> str:
        """The name of the source."""
        return self.source.name


@dataclass(frozen=True, slots=True)
class SourceWork:
    """A finished folder."""

    folder: Path

    def documents(self) -> Iterator[tuple[str, Document]]:
        """Yield the line of each document, without its end, and the document."""
        return stream_texts(self.folder / _DOCUMENTS)


def clean_source(task: CleanTask) -> None:
    """Clean a source into its folder, which appears whole or not at all.

    Raises:
        ConfigurationError, DataError, FormatError: the source or a protected set cannot be read.
    """
    temporary = task.folder.with_name(f".{task.folder.name}.unfinished")
    shutil.rmtree(temporary, ignore_errors=True)  # what a killed run left
    temporary.mkdir(parents=True)
    try:
        facts = _write(task, temporary)
        with atomic_write(temporary / FACTS_FILE) as file:
            json.dump(facts, file, indent=1)
        shutil.rmtree(task.folder, ignore_errors=True)  # of other settings
        temporary.rename(task.folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def read_facts(path: Path) -> dict[str, Any]:
    """Read what is known of a finished source; nothing if it is damaged."""
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


def _write(task: CleanTask, folder: Path) -> dict[str, Any]:
    counts = CleanCounts()
    maker = PrintMaker(task.duplicates)
    protection = Protection(
        task.protected, near=task.duplicates.near, sentence_words=task.sentence_words
    )
    source = task.source
    stream = open_corpus(source.path, source.format, source.options, limits=task.limits)
    with (
        PrintWriter(folder, task.duplicates) as prints_file,
        atomic_write(folder / _DOCUMENTS) as file,
    ):
        for batch in batches(_cleaned(stream, task, counts)):
            prints = maker.prints([document.text for document in batch])
            kept, prints = protection.apply(batch, prints, maker)
            prints_file.add([document.text for document in kept], prints)
            file.writelines(map(jsonl_line, kept))
    return {
        "fingerprint": task.fingerprint,
        "read": _relative(stream.report, source).to_json(),
        "cleaned": counts.to_json(),
        "protected": dict(sorted(protection.counts.items())),
    }


def _cleaned(stream: CorpusStream, task: CleanTask, counts: CleanCounts) -> Iterator[Document]:
    for document in stream:
        for part in clean_parts(document, task.clean, counts):
            yield replace(part, dataset=task.name, provenance=None)


def _relative(report: CorpusReport, source: TextSource) -> CorpusReport:
    """Name places by the source's name: where it lies must not show in what comes out."""
    root = str(source.path)
    return replace(
        report,
        examples={
            reason: tuple(place.replace(root, source.name) for place in places)
            for reason, places in report.examples.items()
        },
    )
