"""From a build policy to a documented, leak-free training set.

    OUT/
      train.jsonl, dev.jsonl, test.jsonl    the documents, in the profile's types
      dropped.jsonl                         what was left out, one line each, with the reason
      repairs.jsonl                         every mechanical repair of a mark
      card.json, card.md, card.html         what all this is
      work/                                 intermediate files; may be deleted

A build that was killed continues: shards that are there and up to date are kept. The same inputs
give the same bytes.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, Protocol

from ossamma.data.assemble import AssembleSettings, Shard, assemble, check_leaks
from ossamma.data.audit import Auditor
from ossamma.data.card import write_card
from ossamma.data.catalog import CardFile, DatasetCard, Split, load_card
from ossamma.data.checksum import digest_of
from ossamma.data.deduplicate import DeduplicateSettings
from ossamma.data.download import Downloader, Progress
from ossamma.data.fetch import fetch
from ossamma.data.licences import redistribution_of
from ossamma.data.locations import locate
from ossamma.data.near_index import NearSettings
from ossamma.data.policy import BuildPolicy, Grade, Source
from ossamma.data.readers.jsonl import stream_jsonl
from ossamma.data.repair import repair
from ossamma.data.shards import (
    PARAGRAPHS,
    ShardJob,
    ShardReport,
    Treatment,
    make_shard,
    repairs_path,
)
from ossamma.data.split import PRIORITY, SplitSettings
from ossamma.data.statistics import Statistics
from ossamma.schema.atomic import atomic_write
from ossamma.schema.errors import DataError
from ossamma.schema.profile import Profile
from ossamma.schema.spans import Document

REPAIRS_FILE: Final = "repairs.jsonl"
CARD_FILE: Final = "card.json"
_TEXT_FORMAT: Final = "text"
_NOT_AT_HAND: Final = "not at hand"


class BuildProgress(Progress, Protocol):
    """What a caller may want to know while a build runs."""

    def step(self, title: str, done: int, total: int) -> None:
        """A step begins: the number `done` of `total`."""
        ...


class Marker(Protocol):
    """Marks unlabelled text; see `autolabel.labeller.Labeller`."""

    def label_documents(self, documents: Iterable[Document]) -> Iterable[Document]:
        """Add marks to documents, one at a time."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildRequest:
    """What to build, from where, and where it goes."""

    profile: Profile
    """The types wanted."""
    policy: BuildPolicy
    """Which data sets, and how."""
    data: Path
    """The folder of fetched data sets; what is missing there is fetched."""
    out: Path
    """The folder of the built set."""
    mirror: Path | None = None
    """A local mirror to fetch from."""
    client: Downloader | None = None
    """What downloads; None to stay off the network."""
    own_files: tuple[tuple[Path, str], ...] = ()
    """Further files of the user, graded as gold, with the name of their format."""
    marker: Callable[[], Marker] | None = None
    """Makes the automatic labeller, once, when a source asks for it."""
    circumstances: str = ""
    """A fingerprint of the profile, the lexicons and the patterns."""


@dataclass(frozen=True, slots=True)
class _Rejected:
    """Something that was not taken, and why."""

    name: str
    reason: str


@dataclass(slots=True)
class _Gathered:
    """The shards that were made, in the order of trust, and what was not taken."""

    shards: list[Shard] = field(default_factory=list)
    paths: list[Path] = field(default_factory=list)
    sources: list[dict[str, Any]] = field(default_factory=list)
    rejected: list[_Rejected] = field(default_factory=list)


def build(request: BuildRequest, progress: BuildProgress) -> dict[str, Any]:
    """Build the set and return its card as JSON values (the content of `card.json`).

    Raises:
        DataError, FormatError, ConfigurationError, ProfileError: an input is at fault, or no
            source could be taken; what was finished before stays for the next attempt.
    """
    work = request.out / "work"
    work.mkdir(parents=True, exist_ok=True)
    gathered = _gather(request, work, progress)
    if not gathered.shards:
        reasons = "; ".join(f"{each.name}: {each.reason}" for each in gathered.rejected)
        raise DataError(f"no source could be taken: {reasons or 'the policy names none'}")
    settings = _assemble_settings(request.policy)
    statistics, auditor = Statistics(), Auditor()

    def watch(documents: Iterable[Document], split: str) -> Iterable[Document]:
        for document in statistics.count(documents, split):
            if split == "train":
                auditor.add(document)
            yield document

    progress.step("assembling", 0, 3)
    assembled = assemble(gathered.shards, request.out, work, settings, watch=watch)
    progress.step("looking for leaks", 1, 3)
    leaks = check_leaks(request.out, settings.leaks)
    progress.step("auditing", 2, 3)
    for document in stream_jsonl(request.out / "train.jsonl"):
        auditor.search(document)
    _join([repairs_path(path) for path in gathered.paths], request.out / REPAIRS_FILE)
    content = {
        "profile": {
            "name": request.profile.name,
            "title": request.profile.title,
            "types": [t.name for t in request.profile.types],
        },
        "policy": _policy_facts(request.policy),
        "circumstances": request.circumstances,
        "sources": gathered.sources,
        "rejected": [{"name": each.name, "reason": each.reason} for each in gathered.rejected],
        "assembly": assembled.to_json(),
        "statistics": statistics.to_json(),
        "leaks": leaks.to_json(),
        "audit": auditor.report().to_json(),
        "files": [_file_facts(request.out / f"{split}.jsonl") for split in PRIORITY],
    }
    write_card(content, request.out)
    return content


def remove_work(out: Path) -> None:
    """Delete the intermediate files of a finished build; the next one begins anew."""
    shutil.rmtree(out / "work", ignore_errors=True)


def _gather(request: BuildRequest, work: Path, progress: BuildProgress) -> _Gathered:
    """Make a shard of every file that the policy and the licences allow."""
    gathered = _Gathered()
    workshop = _Workshop(request, work, gathered)
    sources = sorted(
        request.policy.sources, key=lambda source: -request.policy.weight(source.grade)
    )
    for number, (path, file_format) in enumerate(request.own_files):
        progress.step(path.name, number, len(request.own_files))
        workshop.take_own(path, file_format)
    for number, source in enumerate(sources):
        progress.step(source.card, number, len(sources))
        workshop.take(source, load_card(source.card), progress)
    return gathered


class _Workshop:
    """Turns sources into shards, or notes why not."""

    def __init__(self, request: BuildRequest, work: Path, gathered: _Gathered) -> None:
        self._request = request
        self._folder = work / "shards"
        self._folder.mkdir(exist_ok=True)
        self._gathered = gathered
        self._marker: Marker | None = None

    def take(self, source: Source, card: DatasetCard, progress: Progress) -> None:
        """Make the shards of a source's files."""
        if source.grade is Grade.REJECTED:
            self._reject(card.name, source.reason)
            return
        files = [
            file for file in card.files if file.split is not None or file.path in source.tables
        ]
        allowed = [file for file in files if self._is_allowed(file, card)]
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
            facts.append({"path": file.path, "split": official, **_shard_facts(report)})
        if facts:
            self._gathered.sources.append(
                {**_card_facts(source, card, self._request), "files": facts}
            )

    def take_own(self, path: Path, file_format: str) -> None:
        """Make a shard of a user's own file; its labels must be the profile's types."""
        job = ShardJob(
            dataset="own",
            name=path.name,
            path=path,
            file_format=file_format,
            weight=self._request.policy.weight(Grade.GOLD),
            circumstances=self._circumstances(),
        )
        report = self._shard(job, None, autolabel=False)
        facts = {"path": path.name, "split": None, **_shard_facts(report)}
        grade = Grade.GOLD.value
        self._gathered.sources.append(
            {"dataset": "own", "title": "the user's own files", "grade": grade, "files": [facts]}
        )

    def _is_allowed(self, file: CardFile, card: DatasetCard) -> bool:
        allowed = redistribution_of(file, card) in self._request.policy.licences
        if not allowed and redistribution_of(file, card) is not card.redistributable:
            self._reject(f"{card.name}/{file.path}", f"licence: {file.licence}")
        return allowed

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
        self._gathered.paths.append(out)
        return report

    def _mark(self, documents: Iterable[Document]) -> Iterable[Document]:
        if self._marker is None:
            if self._request.marker is None:
                raise DataError(
                    f"profile {self._request.profile.name!r} has no lexicons or patterns; take "
                    "`autolabel: true` out of its build policy"
                )
            self._marker = self._request.marker()
        return self._marker.label_documents(documents)

    def _circumstances(self) -> str:
        return f"{self._request.circumstances} {','.join(self._request.policy.repairs)}"

    def _reject(self, name: str, reason: str) -> None:
        self._gathered.rejected.append(_Rejected(name, reason))


def _assemble_settings(policy: BuildPolicy) -> AssembleSettings:
    dev, test = policy.shares.get(Split.DEV, 0.0), policy.shares.get(Split.TEST, 0.0)
    near = NearSettings(**policy.deduplicate)  # type: ignore[arg-type]  # it checks its values
    return AssembleSettings(
        split=SplitSettings(
            shares={"test": test, "dev": dev, "train": 1.0 - dev - test}, salt=policy.salt
        ),
        deduplicate=DeduplicateSettings(near=near),
    )


def _official(file: CardFile) -> str | None:
    return None if file.split in (None, Split.ALL) else str(file.split)


def _slug(job: ShardJob) -> str:
    """A file name that is readable and unique."""
    digest = blake2b(f"{job.dataset}\0{job.name}\0{job.path}".encode(), digest_size=4).hexdigest()
    return f"{job.dataset}--{Path(job.name).stem[:40].replace(' ', '_')}-{digest}"


def _join(parts: Sequence[Path], out: Path) -> None:
    with atomic_write(out, binary=True) as joined:
        for part in parts:
            with part.open("rb") as file:
                shutil.copyfileobj(file, joined)


def _policy_facts(policy: BuildPolicy) -> dict[str, Any]:
    return {
        "name": policy.name,
        "licences": sorted(policy.licences),
        "salt": policy.salt,
        "shares": {split.value: share for split, share in sorted(policy.shares.items())},
        "weights": {grade.value: policy.weight(grade) for grade in Grade},
        "repairs": list(policy.repairs),
        "deduplicate": json.loads(json.dumps(dict(sorted(policy.deduplicate.items())))),
    }


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


def _file_facts(path: Path) -> dict[str, Any]:
    digest = digest_of(path)
    return {"name": path.name, "sha256": digest.sha256, "bytes": digest.num_bytes}
