"""Harmonised shards to one leak-free set: place by group, drop what repeats, merge, cut leaks.

Three passes over files, so that memory holds fingerprints and never the texts:

1. place: every document goes to test, dev or train, by its source's own split or by its group's
   hash (`split.py`).
2. judge: test first, then dev, then train, the most trusted source first; a document that repeats
   an earlier one goes, and what it marks beside that one is kept for the merge (`deduplicate.py`).
3. write: what another corpus marks in the very same text is merged in, and sentences that a
   held-out document has are cut out of dev and train (`leaks.py`).

Whatever goes is listed with its reason in `dropped.jsonl`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TextIO

from ossamma.data.deduplicate import DeduplicateSettings, Deduplicator
from ossamma.data.leak_report import LeakReport, assert_no_leaks, leak_report
from ossamma.data.leaks import HeldOut, Leak, LeakSettings, clean
from ossamma.data.merge import merge_annotations
from ossamma.data.readers.jsonl import jsonl_line, stream_jsonl, write_jsonl
from ossamma.data.split import PRIORITY, SplitSettings, Splitter
from ossamma.schema.atomic import atomic_write
from ossamma.schema.spans import Document

DROPPED_FILE: Final = "dropped.jsonl"
_PLACED: Final = "placed"


@dataclass(frozen=True, slots=True)
class Shard:
    """A file of harmonised documents of one data set."""

    path: Path
    """JSON lines."""
    official: str | None
    """The split that its source has it in: train, dev or test; None lets the hash decide."""
    has_groups: bool = True
    """Some of its documents have a group."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AssembleSettings:
    """How shards become splits."""

    split: SplitSettings = field(default_factory=SplitSettings)
    """Shares and salt of the hash."""
    deduplicate: DeduplicateSettings = field(default_factory=DeduplicateSettings)
    """What is dropped as a duplicate."""
    leaks: LeakSettings = field(default_factory=LeakSettings)
    """What counts as a leak."""


@dataclass(slots=True)
class AssembleReport:
    """What became of the documents: every one that came in was written or is counted here."""

    read: int = 0
    written: Counter[str] = field(default_factory=Counter)
    """Documents by split."""
    duplicates: Counter[str] = field(default_factory=Counter)
    """Documents dropped as duplicates, by kind."""
    merged: Counter[str] = field(default_factory=Counter)
    """Duplicates of equal text: documents, and their marks added, agreed and refused."""
    leaked: Counter[str] = field(default_factory=Counter)
    """Documents dropped for a leak, by kind; `cut` counts those that only lost sentences."""
    split: dict[str, object] = field(default_factory=dict)
    pairs: dict[str, object] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        return {
            "read": self.read,
            "written": dict(sorted(self.written.items())),
            "duplicates": dict(sorted(self.duplicates.items())),
            "merged": dict(sorted(self.merged.items())),
            "leaked": dict(sorted(self.leaked.items())),
            "split": self.split,
            "deduplicate": self.pairs,
        }


def assemble(
    shards: Sequence[Shard],
    out: Path,
    work: Path,
    settings: AssembleSettings,
    *,
    watch: Callable[[Iterable[Document], str], Iterable[Document]] = lambda documents, _: documents,
) -> AssembleReport:
    """Write `train.jsonl`, `dev.jsonl`, `test.jsonl` and `dropped.jsonl` into `out`.

    Args:
        shards: harmonised files, the most trusted source first; ids must be unique.
        out: an existing folder.
        work: an existing folder for intermediate files.
        settings: how to split, and what counts as a duplicate or a leak.
        watch: sees every document of a split on its way into the file, such as to count it.

    Raises:
        DataError: a shard cannot be read.
    """
    report = AssembleReport()
    placed = _place(shards, work, settings.split, report)
    deduplicator = Deduplicator(settings.deduplicate)
    held_out = HeldOut(settings.leaks)
    with atomic_write(out / DROPPED_FILE) as log:
        for split in PRIORITY:
            judged = _judge(placed[split], split, deduplicator, log, report)
            written = _write(placed[split], split, judged, held_out, log, report)
            path = out / f"{split}.jsonl"
            report.written[split] = write_jsonl(path, watch(written, split))
            if split != PRIORITY[-1]:
                for document in stream_jsonl(path):
                    held_out.add(document, split)
    report.pairs = deduplicator.report().to_json()
    return report


def check_leaks(out: Path, settings: LeakSettings) -> LeakReport:
    """Compare the finished splits anew, from their files, and return what they still share.

    Raises:
        DataError: a document or a long sentence stands on two sides.
    """
    report = leak_report(
        {split: stream_jsonl(out / f"{split}.jsonl") for split in PRIORITY}, settings
    )
    assert_no_leaks(report)
    return report


@dataclass(slots=True)
class _Judged:
    """The verdicts on one split: who goes, and what the survivors take over from them."""

    dropped: set[str] = field(default_factory=set)
    heirs: dict[str, list[Document]] = field(default_factory=dict)
    """Kept id -> duplicates of the very same text from other data sets."""


def _place(
    shards: Sequence[Shard], work: Path, settings: SplitSettings, report: AssembleReport
) -> dict[str, Path]:
    """Sort the documents of all shards into one file per split, in their order."""
    splitter = Splitter(settings)
    for shard in shards:
        if shard.official is not None and shard.has_groups:
            for document in stream_jsonl(shard.path):
                splitter.observe(document, shard.official)
    folder = work / _PLACED
    folder.mkdir(exist_ok=True)
    paths = {split: folder / f"{split}.jsonl" for split in PRIORITY}
    with ExitStack() as stack:
        files = {split: stack.enter_context(atomic_write(path)) for split, path in paths.items()}
        for shard in shards:
            for document in stream_jsonl(shard.path):
                split = splitter.place(document, shard.official).split
                files[split].write(jsonl_line(document))
                report.read += 1
    report.split = splitter.report().to_json()
    return paths


def _judge(
    path: Path, split: str, deduplicator: Deduplicator, log: TextIO, report: AssembleReport
) -> _Judged:
    judged = _Judged()
    for document in stream_jsonl(path):
        verdict = deduplicator.add(document, split=split)
        if verdict.keep:
            continue
        assert verdict.kind is not None
        assert verdict.duplicate_of is not None
        judged.dropped.add(document.id)
        report.duplicates[verdict.kind.value] += 1
        is_heir = verdict.mergeable and document.dataset != verdict.dataset
        if is_heir:
            judged.heirs.setdefault(verdict.duplicate_of, []).append(document)
        reason = f"{verdict.kind.value} duplicate" + (", merged" if is_heir else "")
        _log(log, document, split, reason, of=verdict.duplicate_of, similarity=verdict.similarity)
    return judged


def _write(
    path: Path,
    split: str,
    judged: _Judged,
    held_out: HeldOut,
    log: TextIO,
    report: AssembleReport,
) -> Iterator[Document]:
    kept = (
        _merge(document, judged.heirs.get(document.id, ()), report)
        for document in stream_jsonl(path)
        if document.id not in judged.dropped
    )
    if split == PRIORITY[0]:
        yield from kept
        return
    for document, (remaining, leak) in _beside(kept, held_out):
        if leak is not None:
            report.leaked["cut" if remaining else leak.kind] += 1
            reason = f"{leak.kind} leak" + (", sentences cut" if remaining else "")
            _log(log, document, split, reason, of=leak.held_id, similarity=leak.similarity)
        if remaining is not None:
            yield remaining


def _beside(
    documents: Iterator[Document], held_out: HeldOut
) -> Iterator[tuple[Document, tuple[Document | None, Leak | None]]]:
    """Yield each document with what `clean` makes of it, one at a time."""
    for document in documents:
        yield document, next(clean([document], held_out))


def _merge(document: Document, heirs: Sequence[Document], report: AssembleReport) -> Document:
    for heir in heirs:
        merged = merge_annotations(document, heir)
        document = merged.document
        report.merged.update(
            documents=1, added=merged.added, agreed=merged.agreed, refused=merged.conflicts
        )
    return document


def _log(log: TextIO, document: Document, split: str, reason: str, **facts: object) -> None:
    row: Mapping[str, object] = {
        "id": document.id,
        "dataset": document.dataset,
        "split": split,
        "reason": reason,
        **facts,
    }
    log.write(json.dumps(row, sort_keys=True) + "\n")
