"""One file of a data set to a shard: read, map to the profile's types, mark, repair, weigh.

A shard is a file of JSON lines with a report and a log of repairs beside it. The report carries
the key of everything that the shard depends on, so that a build which was killed, or is repeated,
makes only what is missing or out of date.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any, Final, TextIO

from ossamma.data.checksum import digest_of
from ossamma.data.documents import DocumentFormat, UnmarkedStream, read_marked
from ossamma.data.harmonise import harmonise_stream
from ossamma.data.key_index import KeyIndex
from ossamma.data.own_files import MARKED, UNMARKED
from ossamma.data.readers.corpus import ReadReport
from ossamma.data.readers.jsonl import stream_jsonl, write_jsonl
from ossamma.data.readers.registry import read_annotated
from ossamma.data.release import FolderStream, folder_digest
from ossamma.data.repair import Change
from ossamma.data.text.paragraphs import ParagraphStream
from ossamma.schema.atomic import atomic_write
from ossamma.schema.dataset_table import DatasetTable
from ossamma.schema.errors import DataError
from ossamma.schema.profile import Profile
from ossamma.schema.spans import Document

SHARD_VERSION: Final = 2
"""Raise it when the same inputs give another shard: older ones are then made anew."""
PARAGRAPHS: Final = "paragraphs"
"""The format of text files with one blank line between documents."""
_MOST_EXAMPLES: Final = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class ShardJob:
    """What one shard is made of."""

    dataset: str
    """Name of the data set."""
    name: str
    """Path of the file inside the data set."""
    path: Path
    """Where the file lies, or a folder of a format that comes in folders."""
    file_format: str
    """The reader's name, `paragraphs` for text, or what `own_files` calls a document."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the reader."""
    table: DatasetTable | None = None
    """Its label table; None if its labels are the profile's types."""
    weight: float = 1.0
    """Weight of its documents in the loss."""
    max_documents: int | None = None
    """Take only the first so many."""
    annotates: frozenset[str] | None = None
    """Types of which every mention is marked, where the file does not say it itself; None leaves
    it to the reader."""
    circumstances: str = ""
    """A fingerprint of whatever else decides the outcome: profile, repairs, lexicons."""


@dataclass(frozen=True, slots=True)
class Treatment:
    """What is done to the documents of every shard, by functions that stream.

    `mark` adds automatic marks to unlabelled text; `repair` mends marks and returns with each
    document the log of what it changed.
    """

    profile: Profile
    mark: Callable[[Iterable[Document]], Iterable[Document]]
    repair: Callable[[Document], tuple[Document, Sequence[Change]]]


@dataclass(frozen=True, slots=True)
class ShardReport:
    """What was read, mapped and repaired."""

    key: str
    sha256: str
    documents: int
    entities: int
    has_groups: bool
    read: Mapping[str, Any]
    mapped: list[list[Any]]
    by_rule: Mapping[str, int]
    repairs: Mapping[str, int]
    out_sha256: str

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        return asdict(self)


def make_shard(job: ShardJob, treatment: Treatment, out: Path) -> ShardReport:
    """Write the shard `out` and its report, unless both are there and fit the job.

    Raises:
        DataError, FormatError, ConfigurationError: the file cannot be read, or has labels that
            its table does not know; nothing is written then.
    """
    sha256 = _digest(job.path)
    key = _key(job, sha256)
    found = _finished(out, key)
    if found is not None:
        return found
    return _Shard(job, treatment, key, sha256).write(out)


def report_path(shard: Path) -> Path:
    """Return where the report of a shard lies."""
    return shard.with_suffix(".report.json")


def repairs_path(shard: Path) -> Path:
    """Return where the log of a shard's repairs lies."""
    return shard.with_suffix(".repairs.jsonl")


class _Shard:
    """Collects the counts while the documents stream by."""

    def __init__(self, job: ShardJob, treatment: Treatment, key: str, sha256: str) -> None:
        self._job = job
        self._treatment = treatment
        self._key = key
        self._sha256 = sha256
        self._entities = 0
        self._has_groups = False
        self._repairs: Counter[str] = Counter()
        self._ids = KeyIndex()

    def write(self, out: Path) -> ShardReport:
        documents, read_report = self._read()
        limited = islice(documents, self._job.max_documents)
        named = (self._named(document) for document in limited)
        harmonised = harmonise_stream(named, self._treatment.profile, self._job.table)
        marked = self._treatment.mark(harmonised)
        with atomic_write(repairs_path(out)) as log:
            count = write_jsonl(out, self._repaired(marked, log))
        if not count:
            out.unlink()
            raise DataError(f"{self._job.path}: expected at least one document, got none")
        mapping = harmonised.report
        report = ShardReport(
            key=self._key,
            sha256=self._sha256,
            documents=count,
            entities=self._entities,
            has_groups=self._has_groups,
            read=_read_facts(read_report()),
            mapped=[list(row) for row in mapping.rows()],
            by_rule=dict(sorted(mapping.by_rule.items())),
            repairs=dict(sorted(self._repairs.items())),
            out_sha256=digest_of(out).sha256,
        )
        with atomic_write(report_path(out)) as file:
            json.dump(report.to_json(), file, indent=1)
        return report

    def _read(self) -> tuple[Iterator[Document], Callable[[], ReadReport | None]]:
        """Return the documents, and what gives the report of their reading once they are read."""
        job = self._job
        if job.file_format in (MARKED, UNMARKED):
            return self._read_document()
        if job.path.is_dir():
            files = FolderStream(job.path, job.file_format, job.options)
            return files, lambda: files.report
        if job.file_format == PARAGRAPHS:
            stream = ParagraphStream(job.path)
            return stream, lambda: stream.report
        if job.file_format == "jsonl":
            return stream_jsonl(job.path), lambda: None
        corpus = read_annotated(job.path, job.file_format, job.options)
        return iter(corpus.documents), lambda: corpus.report

    def _read_document(self) -> tuple[Iterator[Document], Callable[[], ReadReport | None]]:
        """Read a document of the user; one file is one group."""
        job = self._job
        types = frozenset(self._treatment.profile.labels.types)
        settings = DocumentFormat(types=types, annotates=job.annotates)
        if job.file_format == UNMARKED:
            stream = UnmarkedStream(job.path, settings, group=job.name)
            return stream, lambda: stream.report
        corpus = read_marked(job.path, settings, group=job.name)
        return iter(corpus.documents), lambda: corpus.report

    def _named(self, document: Document) -> Document:
        """Give ids and groups that are unique among all data sets, and the weight."""
        job = self._job
        key = blake2b(document.id.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        if self._ids.find(key) is not None:
            raise DataError(
                f"{document.where}: expected an id that no earlier document of the file has; give "
                "each its own, or none at all"
            )
        self._ids.add(key)
        group = f"{job.dataset}/{document.group}" if document.group else ""
        self._has_groups |= bool(group)
        is_silent = document.annotations is not None and document.annotates is None
        return replace(
            document,
            annotates=job.annotates if is_silent else document.annotates,
            id=f"{job.dataset}/{job.name}#{document.id}",
            group=group,
            dataset=job.dataset,
            weight=document.weight * job.weight,
        )

    def _repaired(self, documents: Iterable[Document], log: TextIO) -> Iterator[Document]:
        for document in documents:
            repaired, changes = self._treatment.repair(document)
            for change in changes:
                self._repairs[change.rule.value] += 1
                log.write(json.dumps(change.to_json(), sort_keys=True) + "\n")
            self._entities += len(repaired.annotations or ())
            yield repaired


def _digest(path: Path) -> str:
    try:
        return folder_digest(path) if path.is_dir() else digest_of(path).sha256
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read ({error.strerror}); check its name, kind and permissions"
        ) from error


def _read_facts(report: ReadReport | None) -> dict[str, Any]:
    if report is None:
        return {}
    skipped = [str(remark) for remark in report.skipped]
    notes = [str(remark) for remark in report.notes]
    return {
        "documents": report.documents,
        "sentences": report.sentences,
        "words": report.words,
        "entities": report.entities,
        "labels": dict(report.labels),
        "repaired_tags": report.repaired_tags,
        "dropped_words": report.dropped_words,
        "skipped_sentences": report.skipped_sentences,
        "num_skipped": len(skipped),
        "skipped": skipped[:_MOST_EXAMPLES],
        "num_notes": len(notes),
        "notes": notes[:_MOST_EXAMPLES],
    }


def _key(job: ShardJob, sha256: str) -> str:
    content = {
        "version": SHARD_VERSION,
        "dataset": job.dataset,
        "name": job.name,
        "sha256": sha256,
        "format": job.file_format,
        "options": {name: str(value) for name, value in sorted(job.options.items())},
        "table": job.table.name if job.table else None,
        "weight": job.weight,
        "max_documents": job.max_documents,
        "annotates": None if job.annotates is None else sorted(job.annotates),
        "circumstances": job.circumstances,
    }
    return blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=16).hexdigest()


def _finished(out: Path, key: str) -> ShardReport | None:
    """Return the report of a shard that is there, whole and up to date."""
    path = report_path(out)
    if not (out.is_file() and path.is_file()):
        return None
    try:
        report = ShardReport(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError):
        return None
    if report.key != key or not repairs_path(out).is_file():
        return None
    fits = digest_of(out).sha256 == report.out_sha256
    return report if fits else None
