"""Harmonised shards to one leak-free set: place by group, drop what repeats, merge, cut leaks.

Three passes over files, so that memory holds fingerprints and never the texts:

1. place: every document goes to test, dev or train, by its source's own split or by its group's
   hash (`split.py`).
2. judge: test first, then dev, then train, the most trusted source first; a document that repeats
   an earlier one goes, and what it marks beside that one is kept for the merge (`deduplicate.py`).
   One that shares something with a held-out document is noted.
3. write: what another corpus marks in the very same text is merged in, and sentences that a
   held-out document has are cut out of dev and train (`leaks.py`).

The first two read no marks, and the third copies the lines of documents that nothing is done to.
Whatever goes is listed with its reason in `dropped.jsonl`.
"""

from __future__ import annotations

import json
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import accumulate, compress
from pathlib import Path
from typing import Any, BinaryIO, Final, TextIO

from ossamma.data.deduplicate import DeduplicateSettings, Deduplicator, Verdict
from ossamma.data.leak_report import LeakReport, assert_no_leaks, leak_report
from ossamma.data.leaks import HeldOut, LeakSettings, clean
from ossamma.data.merge import merge_annotations
from ossamma.data.readers.jsonl import (
    document_from_json,
    jsonl_line,
    parse_object,
    stream_jsonl,
    stream_texts,
)
from ossamma.data.split import PRIORITY, SplitSettings, Splitter
from ossamma.data.text_prints import TextPrint, batches
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
    shards: Sequence[Shard], out: Path, work: Path, settings: AssembleSettings
) -> AssembleReport:
    """Write `train.jsonl`, `dev.jsonl`, `test.jsonl` and `dropped.jsonl` into `out`.

    Args:
        shards: files that `write_jsonl` wrote, the most trusted source first; ids must be unique.
        out: an existing folder.
        work: an existing folder for intermediate files.
        settings: how to split, and what counts as a duplicate or a leak.

    Raises:
        DataError: a shard cannot be read.
    """
    report = AssembleReport()
    placed = _place(shards, work, settings.split, report)
    with atomic_write(out / DROPPED_FILE) as log:
        assembly = _Assembly(settings, log, report)
        for split in PRIORITY:
            judged = assembly.judge(placed[split], split)
            path = out / f"{split}.jsonl"
            with atomic_write(path, binary=True) as file:
                for line in assembly.finished_lines(placed[split], split, judged):
                    file.write(line)
                    report.written[split] += 1
            if split != PRIORITY[-1]:
                assembly.hold_out(path, split)
        report.pairs = assembly.duplicates()
    return report


def check_leaks(
    out: Path,
    settings: LeakSettings,
    *,
    watch: Callable[[Iterable[Document], str], Iterable[Document]] = lambda documents, _: documents,
) -> LeakReport:
    """Compare the finished splits anew, from their files, and return what they still share.

    Args:
        out: the folder of the splits.
        settings: what counts as a leak.
        watch: sees every document of a split on its way, test before dev before train, such as to
            count it.

    Raises:
        DataError: a document or a long sentence stands on two sides.
    """
    report = leak_report(
        {split: watch(stream_jsonl(out / f"{split}.jsonl"), split) for split in PRIORITY}, settings
    )
    assert_no_leaks(report)
    return report


def _place(
    shards: Sequence[Shard], work: Path, settings: SplitSettings, report: AssembleReport
) -> dict[str, Path]:
    """Sort the lines of all shards into one file per split, in their order."""
    splitter = Splitter(settings)
    for shard in shards:
        if shard.official is not None and shard.has_groups:
            for _, document in stream_texts(shard.path):
                splitter.observe(document, shard.official)
    folder = work / _PLACED
    folder.mkdir(exist_ok=True)
    paths = {split: folder / f"{split}.jsonl" for split in PRIORITY}
    with ExitStack() as stack:
        files = {split: stack.enter_context(atomic_write(path)) for split, path in paths.items()}
        for shard in shards:
            for line, document in stream_texts(shard.path):
                files[splitter.place(document, shard.official).split].write(line + "\n")
                report.read += 1
    report.split = splitter.report().to_json()
    return paths


class _Fate(IntEnum):
    """What becomes of a document."""

    KEPT = 0
    DROPPED = 1
    LEAKY = 2
    """It stays, as far as it shares nothing with a held-out document."""


@dataclass(slots=True)
class _Judged:
    """The verdicts on one split: who goes, and what the survivors take over from them."""

    fates: bytearray = field(default_factory=bytearray)
    """The fate of each document, in the order of the file."""
    heirs: dict[str, list[int]] = field(default_factory=dict)
    """Kept id -> the numbers, from 0, of its duplicates of the very same text from other data
    sets, in the order of the file."""


class _Assembly:
    """What the splits are judged by, which grows from one split to the next."""

    def __init__(self, settings: AssembleSettings, log: TextIO, report: AssembleReport) -> None:
        self._deduplicator = Deduplicator(settings.deduplicate)
        self._held_out = HeldOut(settings.leaks)
        self._same_prints = settings.leaks.near == settings.deduplicate.near
        self._log = log
        self._report = report

    def judge(self, path: Path, split: str) -> _Judged:
        """Decide on each document of a split, and log those that go."""
        judged = _Judged()
        for batch in batches(document for _, document in stream_texts(path)):
            prints = self._deduplicator.prints(batch)
            stays = []
            for document, text_print in zip(batch, prints, strict=True):
                verdict = self._deduplicator.add(document, split=split, text_print=text_print)
                stays.append(verdict.keep)
                if not verdict.keep and self._drop(document, split, verdict):
                    assert verdict.duplicate_of is not None
                    number = len(judged.fates) + len(stays) - 1
                    judged.heirs.setdefault(verdict.duplicate_of, []).append(number)
            judged.fates.extend(self._fates(batch, prints, stays))
        return judged

    def finished_lines(self, path: Path, split: str, judged: _Judged) -> Iterator[bytes]:
        """Yield the lines of what stays of a split, merged and cut; log what is cut."""
        starts = _line_starts(path) if judged.heirs else array("Q")
        with path.open("rb") as lines, path.open("rb") as duplicates:
            for fate, line in zip(judged.fates, lines, strict=True):
                if fate == _Fate.DROPPED:
                    continue
                heirs = judged.heirs.get(_id_of(line), []) if judged.heirs else []
                if fate == _Fate.KEPT and not heirs:
                    yield line
                    continue
                inherited = _documents_at(duplicates, [starts[number] for number in heirs])
                remaining: Document | None = self._merged(_document_of(line), inherited)
                if remaining is not None and fate == _Fate.LEAKY:
                    remaining = self._cleaned(remaining, split)
                if remaining is not None:
                    yield jsonl_line(remaining).encode()

    def hold_out(self, path: Path, split: str) -> None:
        """Take in a finished split, of which the following ones must have nothing."""
        for batch in batches(stream_jsonl(path)):
            for document, text_print in zip(batch, self._held_out.prints(batch), strict=True):
                self._held_out.add(document, split, text_print)

    def duplicates(self) -> dict[str, object]:
        """Return the report on duplicates as JSON values."""
        return self._deduplicator.report().to_json()

    def _fates(
        self, batch: list[Document], prints: list[TextPrint], stays: list[bool]
    ) -> Iterator[_Fate]:
        """Say of each document whether it goes, or shares something with a held-out one."""
        kept = [number for number, is_kept in enumerate(stays) if is_kept]
        documents = [batch[number] for number in kept]
        leaky: set[int] = set()
        if len(self._held_out) and documents:
            own = [prints[number] for number in kept]
            found = self._held_out.is_shared_by_each(
                documents, own if self._same_prints else self._held_out.prints(documents)
            )
            leaky.update(compress(kept, found))
        for number, is_kept in enumerate(stays):
            if not is_kept:
                yield _Fate.DROPPED
            else:
                yield _Fate.LEAKY if number in leaky else _Fate.KEPT

    def _drop(self, document: Document, split: str, verdict: Verdict) -> bool:
        """Count and log a duplicate; return whether the kept document inherits from it."""
        assert verdict.kind is not None
        self._report.duplicates[verdict.kind.value] += 1
        is_heir = verdict.mergeable and document.dataset != verdict.dataset
        reason = f"{verdict.kind.value} duplicate" + (", merged" if is_heir else "")
        facts = {"of": verdict.duplicate_of, "similarity": verdict.similarity}
        self._note(document, split, reason, facts)
        return is_heir

    def _merged(self, document: Document, heirs: Iterable[Document]) -> Document:
        for heir in heirs:
            merged = merge_annotations(document, heir)
            document = merged.document
            self._report.merged.update(
                documents=1, added=merged.added, agreed=merged.agreed, refused=merged.conflicts
            )
        return document

    def _cleaned(self, document: Document, split: str) -> Document | None:
        """Return what may stay of a document that shares something with a held-out one."""
        [(remaining, leak)] = clean([document], self._held_out)
        assert leak is not None
        self._report.leaked["cut" if remaining else leak.kind] += 1
        reason = f"{leak.kind} leak" + (", sentences cut" if remaining else "")
        self._note(document, split, reason, {"of": leak.held_id, "similarity": leak.similarity})
        return remaining

    def _note(
        self, document: Document, split: str, reason: str, facts: Mapping[str, object]
    ) -> None:
        row = {
            "id": document.id,
            "dataset": document.dataset,
            "split": split,
            "reason": reason,
            **facts,
        }
        self._log.write(json.dumps(row, sort_keys=True) + "\n")


def _document_of(line: bytes) -> Document:
    return document_from_json(parse_object(line.decode()))


def _id_of(line: bytes) -> str:
    identifier: str = json.loads(line)["id"]
    return identifier


def _line_starts(path: Path) -> array[int]:
    """Return where the lines of a file begin, and where the last one ends."""
    with path.open("rb") as lines:
        return array("Q", accumulate(map(len, lines), initial=0))


def _documents_at(file: BinaryIO, offsets: Iterable[int]) -> Iterator[Document]:
    for offset in offsets:
        file.seek(offset)
        yield _document_of(file.readline())
