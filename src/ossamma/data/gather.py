"""The sources of a build, one shard for each file, and a reason for each that is not taken."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from ossamma.data.assemble import Shard
from ossamma.data.catalog import CardFile, DatasetCard, Split, load_card
from ossamma.data.download import Progress
from ossamma.data.fetch import fetch
from ossamma.data.licences import redistribution_of
from ossamma.data.locations import locate
from ossamma.data.own_files import (
    UNMARKED,
    OwnFile,
    annotated_types,
    list_labelled,
    list_text,
    reason_of,
)
from ossamma.data.policy import Grade, Source
from ossamma.data.release import ONTONOTES, release_parts
from ossamma.data.repair import repair
from ossamma.data.request import BuildProgress, BuildRequest, Marker
from ossamma.data.shards import PARAGRAPHS, ShardJob, ShardReport, Treatment, make_shard
from ossamma.schema.errors import DataError, FormatError
from ossamma.schema.spans import Document

_TEXT_FORMAT: Final = "text"
_NOT_AT_HAND: Final = "not at hand"
_OWN: Final = "own"
_OWN_TEXT: Final = "own_text"
_MOST_REASONS: Final = 3


@dataclass(frozen=True, slots=True)
class Rejected:
    """Something that was not taken, and why."""

    name: str
    reason: str


@dataclass(slots=True)
class Gathered:
    """The shards that were made, in the order of trust, and what was not taken."""

    shards: list[Shard] = field(default_factory=list)
    sources: list[dict[str, Any]] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)


def gather(request: BuildRequest, work: Path, progress: BuildProgress) -> Gathered:
    """Make a shard of every file that the user, the policy and the licences allow.

    Raises:
        DataError, FormatError, ConfigurationError, ProfileError: an input is at fault.
    """
    gathered = Gathered()
    workshop = _Workshop(request, work, gathered)
    labelled, text = list_labelled(request.own, request.out), list_text(request.own, request.out)
    if labelled:
        workshop.take_own(labelled, progress)
    sources = _sources(request)
    for number, (source, card) in enumerate(sources):
        progress.step(card.name, number, len(sources))
        workshop.take(source, card, progress)
    if text:
        workshop.take_own_text(text, progress)
    return gathered


def _sources(request: BuildRequest) -> list[tuple[Source, DatasetCard]]:
    """Return the policy's sources by weight, and the user's licensed copy in its place."""
    sources = [(source, load_card(source.card)) for source in request.policy.sources]
    if request.ontonotes is not None:
        taken = [
            (s, c) for s, c in sources if c.name == ONTONOTES and s.grade is not Grade.REJECTED
        ]
        sources = [each for each in sources if each[1].name != ONTONOTES or each in taken]
        if not taken:
            sources.append((Source(card=ONTONOTES), load_card(ONTONOTES)))
    return sorted(sources, key=lambda each: -request.policy.weight(each[0].grade))


class _Workshop:
    """Turns sources into shards, or notes why not."""

    def __init__(self, request: BuildRequest, work: Path, gathered: Gathered) -> None:
        self._request = request
        self._folder = work / "shards"
        self._folder.mkdir(exist_ok=True)
        self._gathered = gathered
        self._marker: Marker | None = None

    def take(self, source: Source, card: DatasetCard, progress: Progress) -> None:
        """Make the shards of a source's files."""
        if card.name == ONTONOTES and self._request.ontonotes is not None:
            self._take_release(source, card, self._request.ontonotes)
            return
        if source.grade is Grade.REJECTED:
            self._reject(card.name, source.reason)
            return
        files = [
            file for file in card.files if file.split is not None or file.path in source.tables
        ]
        allowed = self._allowed(files, card)
        if not allowed:
            self._reject(card.name, f"licence: {card.licence} ({card.redistributable})")
            return
        at_hand = self._fetch(card, progress)
        facts = []
        for file in allowed:
            path = at_hand.get(file.path)
            if path is None:
                self._reject(f"{card.name}/{file.path}", _NOT_AT_HAND)
                continue
            official = _official(file) if source.keep_splits else None
            report = self._shard(
                self._job(source, card, file, path), official, autolabel=source.autolabel
            )
            facts.append(
                {
                    "path": file.path,
                    "split": official,
                    "redistributable": redistribution_of(file, card).value,
                    **_shard_facts(report),
                }
            )
        if facts:
            self._gathered.sources.append(
                {**_card_facts(source, card, self._request), "files": facts}
            )

    def take_own(self, files: Sequence[OwnFile], progress: BuildProgress) -> None:
        """Make shards of hand-marked files; their labels must be the profile's types."""
        annotates = annotated_types(self._request.own.annotates, self._request.profile)
        facts = self._own_facts(files, _OWN, annotates, progress)
        title = "the user's own files, marked by hand"
        self._add_own(_OWN, title, Grade.GOLD, facts)

    def take_own_text(self, files: Sequence[OwnFile], progress: BuildProgress) -> None:
        """Make shards of unmarked documents, which lexicons and patterns mark."""
        self._labeller()  # the lack of one is no fault of the files
        facts = self._own_facts(files, _OWN_TEXT, None, progress)
        title = "the user's own documents, marked by lexicons and patterns"
        self._add_own(_OWN_TEXT, title, Grade.ORDINARY, facts)

    def _own_facts(
        self,
        files: Sequence[OwnFile],
        dataset: str,
        annotates: frozenset[str] | None,
        progress: BuildProgress,
    ) -> list[dict[str, Any]]:
        """Make the shards; of a folder, what is at fault is left out and listed."""
        grade = Grade.GOLD if dataset == _OWN else Grade.ORDINARY
        facts, reasons = [], []
        for number, file in enumerate(files):
            progress.step(file.name, number, len(files))
            job = ShardJob(
                dataset=dataset,
                name=file.name,
                path=file.path,
                file_format=file.file_format,
                weight=self._request.policy.weight(grade),
                circumstances=self._circumstances(),
                annotates=annotates,
            )
            try:
                report = self._own_shard(job, file)
            except (DataError, FormatError) as error:
                if file.is_named:
                    raise
                reasons.append(f"{file.name}: {reason_of(error, file.path)}")
                self._reject(f"{dataset}/{file.name}", reason_of(error, file.path))
            else:
                facts.append({"path": file.name, "split": None, **_shard_facts(report)})
        if not facts:
            raise DataError(
                f"expected at least one file that can be taken, got {len(reasons)} that cannot: "
                + "; ".join(reasons[:_MOST_REASONS])
            )
        return facts

    def _own_shard(self, job: ShardJob, file: OwnFile) -> ShardReport:
        if file.fault:
            raise DataError(file.fault)
        return self._shard(job, None, autolabel=file.file_format == UNMARKED)

    def _add_own(self, dataset: str, title: str, grade: Grade, facts: list[dict[str, Any]]) -> None:
        self._gathered.sources.append(
            {
                "dataset": dataset,
                "title": title,
                "grade": grade.value,
                "weight": self._request.policy.weight(grade),
                "autolabel": dataset == _OWN_TEXT,
                "files": facts,
            }
        )

    def _take_release(self, source: Source, card: DatasetCard, folder: Path) -> None:
        """Make a shard of each part of the user's licensed copy, where it lies."""
        parts = release_parts(card, folder)
        facts = []
        for split in dict.fromkeys(file.split for file in card.files if file.split is not None):
            if split not in parts:
                self._reject(f"{card.name}/{split}", _NOT_AT_HAND)
                continue
            file = CardFile(path=str(split), split=split)
            official = _official(file) if source.keep_splits else None
            report = self._shard(
                self._job(source, card, file, parts[split]), official, autolabel=source.autolabel
            )
            facts.append({"path": file.path, "split": official, **_shard_facts(report)})
        self._gathered.sources.append({**_card_facts(source, card, self._request), "files": facts})

    def _allowed(self, files: Sequence[CardFile], card: DatasetCard) -> list[CardFile]:
        """Return the files that the policy admits; where it admits some, the others are listed."""
        terms = [redistribution_of(file, card) for file in files]
        admitted = [each in self._request.policy.licences for each in terms]
        if any(admitted):
            for file, each, is_admitted in zip(files, terms, admitted, strict=True):
                if not is_admitted:
                    licence = file.licence or card.licence
                    self._reject(f"{card.name}/{file.path}", f"licence: {licence} ({each})")
        return [file for file, is_admitted in zip(files, admitted, strict=True) if is_admitted]

    def _fetch(self, card: DatasetCard, progress: Progress) -> dict[str, Path]:
        request = self._request
        if request.client is None:
            roots = [request.data, *([request.mirror] if request.mirror else [])]
            place = locate(card, roots)
            if not place.found and not place.packed:
                return {}  # each file is then listed as not at hand
        report = fetch(
            card, request.data, client=request.client, mirror=request.mirror, progress=progress
        )
        return {file.path: file.target for file in report.files}

    def _job(self, source: Source, card: DatasetCard, file: CardFile, path: Path) -> ShardJob:
        is_text = card.format == _TEXT_FORMAT
        table = (
            None if is_text else self._request.profile.table(source.table_for(file.path, card.name))
        )
        return ShardJob(
            dataset=card.name,
            name=file.path,
            path=path,
            file_format=PARAGRAPHS if is_text else str(card.format),
            options={} if is_text else card.options,
            table=table,
            weight=self._request.policy.weight(source.grade),
            max_documents=source.max_documents,
            circumstances=self._circumstances(),
        )

    def _shard(self, job: ShardJob, official: str | None, *, autolabel: bool) -> ShardReport:
        out = self._folder / f"{_slug(job)}.jsonl"
        treatment = Treatment(
            profile=self._request.profile,
            mark=self._mark if autolabel else lambda documents: documents,
            repair=lambda document: repair(document, self._request.policy.repairs),
        )
        report = make_shard(job, treatment, out)
        self._gathered.shards.append(Shard(out, official, has_groups=report.has_groups))
        return report

    def _mark(self, documents: Iterable[Document]) -> Iterable[Document]:
        return self._labeller().label_documents(documents)

    def _labeller(self) -> Marker:
        if self._marker is None:
            if self._request.marker is None:
                raise DataError(
                    f"profile {self._request.profile.name!r} has no lexicons or patterns, by which "
                    "text is marked: take `autolabel: true` out of its build policy, and leave out "
                    "--own-text"
                )
            self._marker = self._request.marker()
        return self._marker

    def _circumstances(self) -> str:
        return f"{self._request.circumstances} {','.join(self._request.policy.repairs)}"

    def _reject(self, name: str, reason: str) -> None:
        self._gathered.rejected.append(Rejected(name, reason))


def _official(file: CardFile) -> str | None:
    return None if file.split in (None, Split.ALL) else str(file.split)


def _slug(job: ShardJob) -> str:
    """A file name that is readable and unique."""
    digest = blake2b(f"{job.dataset}\0{job.name}\0{job.path}".encode(), digest_size=4).hexdigest()
    return f"{job.dataset}--{Path(job.name).stem[:40].replace(' ', '_')}-{digest}"


def _card_facts(source: Source, card: DatasetCard, request: BuildRequest) -> dict[str, Any]:
    return {
        "dataset": card.name,
        "title": card.title,
        "homepage": card.homepage,
        "licence": card.licence,
        "redistributable": card.redistributable.value,
        "attribution": card.attribution,
        "grade": source.grade.value,
        "weight": request.policy.weight(source.grade),
        "autolabel": source.autolabel,
        "defects": card.defects,
        "leaks": card.leaks,
    }


def _shard_facts(report: ShardReport) -> dict[str, Any]:
    facts = report.to_json()
    for name in ("key", "out_sha256", "has_groups"):
        del facts[name]
    return facts
