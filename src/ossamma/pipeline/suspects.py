"""`data suspects`: label-noise suspects of a labelled file, by models that did not learn from it.

::

    OUT/
      suspects.jsonl     one suspect a line, the gravest first
      suspects.json      counts, thresholds, the estimate, and what was read by what
      suspects.html, .md
      suggested.jsonl    the documents with the surest suggestions carried out; a proposal only
      folds/, runs/, answers/   see `fold_readings`; none with a bundle
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from ossamma.data.readers.jsonl import write_jsonl
from ossamma.evaluation.cross_calibration import cross_calibrate
from ossamma.evaluation.judge import JudgedDocument, judge
from ossamma.evaluation.label_noise import (
    Kind,
    Suspect,
    SuspectList,
    SuspectSettings,
    find_suspects,
    suggested_document,
)
from ossamma.evaluation.metrics import strict_scores_of
from ossamma.evaluation.noise_estimate import NoiseEstimate, NoiseSettings, estimate_noise
from ossamma.evaluation.outcomes import NotMeasurable
from ossamma.evaluation.suspect_notes import FORMAT
from ossamma.evaluation.suspect_pages import NAME, write_pages
from ossamma.export.bundle import load
from ossamma.export.manifest import BUNDLE_FOLDER, own_version
from ossamma.inference.readings import DocumentReading
from ossamma.pipeline.corpora import NATIVE, TRAIN, Split, read_split, read_splits
from ossamma.pipeline.fold_readings import (
    FoldRequest,
    fold_facts,
    fold_of,
    read_folds,
    read_with,
)
from ossamma.pipeline.run_family import RunFamily
from ossamma.pipeline.run_folder import read_record, write_json
from ossamma.pipeline.scoring import profile_of
from ossamma.schema.atomic import atomic_write
from ossamma.schema.errors import CheckpointError, ConfigurationError, DataError
from ossamma.schema.profile import Profile, load_profile
from ossamma.schema.spans import Document

LINES_FILE = f"{NAME}.jsonl"
SUGGESTED_FILE = "suggested.jsonl"


@dataclass(frozen=True, kw_only=True, slots=True)
class SuspectRequest:
    """Which file is looked at, by which models, and where the answer goes."""

    family: RunFamily
    """Profile, labelled file (`train`), and the options of the training runs; `dev` is not used."""
    out: Path
    """The folder of the answer."""
    folds: int = 5
    """Models that are trained, each on all documents but its fold's; a single one on all."""
    bundle: Path | None = None
    """A model that did not learn from the file: nothing is trained then."""
    workers: int = 1
    """Processes on this machine."""
    suggest_from: float = 0.9
    """Least score of the suspects that are carried out in the suggested documents."""
    settings: SuspectSettings = field(default_factory=SuspectSettings)
    """Which disagreements are suspects."""
    noise: NoiseSettings = field(default_factory=NoiseSettings)
    """How the number of the annotation's errors is estimated."""

    def __post_init__(self) -> None:
        if self.folds < 1:
            raise ConfigurationError(f"folds must be at least 1, got {self.folds}")
        if self.workers < 1:
            raise ConfigurationError(f"workers must be at least 1, got {self.workers}")
        if not 0.0 <= self.suggest_from <= 1.0:
            raise ConfigurationError(f"suggest_from must lie in [0, 1], got {self.suggest_from}")


@dataclass(frozen=True, slots=True)
class SuspectOutcome:
    """What came of it: the suspects, and all of suspects.json."""

    found: SuspectList
    estimate: NoiseEstimate | NotMeasurable
    content: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Read:
    """The documents as they were read: raw readings, what read them, and what is to be noted."""

    profile: str
    split: Split
    readings: list[DocumentReading]
    models: str
    facts: list[dict[str, Any]]
    notes: list[str]


def suspects(request: SuspectRequest, console: Console | None = None) -> SuspectOutcome:
    """Read the file by models that did not learn from it, rank the suspects, and write all files.

    Raises:
        BundleError, CheckpointError: a bundle or folder that cannot be used.
        ConfigurationError, DataError, FormatError, ProfileError: a file that cannot be used.
        TrainingError: a training run had to stop.
        KeyboardInterrupt: finished folds are kept; the same request goes on.
    """
    if request.bundle:
        read = _by_bundle(request, request.bundle, console)
    else:
        read = _by_folds(request, console)
    # A bundle's readings need parts to be calibrated on; a single fold's stay raw.
    parts = max(2, request.folds) if request.bundle else request.folds
    folds = [fold_of(reading.document, parts) for reading in read.readings]
    readings = cross_calibrate(read.readings, folds)
    documents = [reading.document for reading in readings]
    judged = tuple(judge(documents, (reading.entities for reading in readings)))
    if request.folds == 1 and not request.bundle:
        estimate: NoiseEstimate | NotMeasurable = NotMeasurable("the model has learned the marks")
    else:
        estimate = estimate_noise(judged, request.noise)
    found = find_suspects(
        judged,
        readings,
        request.settings,
        estimate=estimate if isinstance(estimate, NoiseEstimate) else None,
    )
    content = _describe(request, read, judged, found) | {"estimate": estimate.to_json()}
    _write(request, documents, found, content)
    return SuspectOutcome(found, estimate, content)


def _by_folds(request: SuspectRequest, console: Console | None) -> _Read:
    family = request.family
    profile, splits = read_splits(
        family.profile, {TRAIN: family.train}, table=family.table, file_format=family.file_format
    )
    split = splits[TRAIN]
    _refuse_unlabelled(split)
    folds = FoldRequest(
        documents=split.documents,
        types=profile.labels.types,
        folds=request.folds,
        out=request.out,
        family=family,
        workers=request.workers,
    )
    readings = read_folds(folds, console)
    models = (
        "one model that was trained on all documents"
        if request.folds == 1
        else f"{request.folds} models, each trained without the documents that it reads"
    )
    return _Read(profile.name, split, readings, models, fold_facts(folds), [])


def _by_bundle(request: SuspectRequest, bundle: Path, console: Console | None) -> _Read:
    family = request.family
    profile: Profile = (
        profile_of(bundle) if family.profile == NATIVE else load_profile(family.profile)
    )
    split = read_split(family.train, profile, table=family.table, file_format=family.file_format)
    _refuse_unlabelled(split)
    notes = _refuse_known(bundle, split)
    if console is not None:
        console.print(f"{len(split.documents):,} documents are read", highlight=False)
    readings = read_with(load(bundle), split.documents)
    return _Read(profile.name, split, readings, f"the bundle {bundle}", [], notes)


def _refuse_unlabelled(split: Split) -> None:
    for document in split.documents:
        if document.annotations is None:
            raise DataError(
                f"{document.where}: expected labelled documents, got one without annotations; a "
                "document without entities needs an empty list"
            )


def _refuse_known(bundle: Path, split: Split) -> list[str]:
    """Refuse a file that the bundle's run has learned from; note it where that is not known."""
    run = bundle.parent if bundle.name == BUNDLE_FOLDER else bundle
    files: dict[str, Any] = {}
    with suppress(CheckpointError):  # a bundle comes without its run
        files = read_record(run).get("data", {})
    known = {name: files[name]["sha256"] for name in (TRAIN, "dev") if name in files}
    for name, sha256 in known.items():
        if sha256 == split.sha256:
            raise DataError(
                f"{split.path} is the {name} file of {bundle}: a model believes what it has "
                "learned. Leave --bundle out, to train models that have not seen it"
            )
    if known:
        return []
    return ["the bundle does not say what it was trained on; it must not have been this file"]


def _describe(
    request: SuspectRequest, read: _Read, judged: Sequence[JudgedDocument], found: SuspectList
) -> dict[str, Any]:
    """Return suspects.json but for the estimate."""
    kinds = Counter(suspect.kind for suspect in found.suspects)
    marks = Counter(mark.label for one in judged for mark in one.document.annotations or ())
    by_type: dict[str, Counter[str]] = {name: Counter() for name in marks}
    for suspect in found.suspects:
        by_type.setdefault(_type_of(suspect), Counter())[suspect.kind] += 1
    return {
        "format": FORMAT,
        "ossamma": own_version(),
        "profile": read.profile,
        "source": {
            "path": str(read.split.path),
            "sha256": read.split.sha256,
            "documents": len(judged),
            "marks": sum(marks.values()),
        },
        "models": read.models,
        "folds": read.facts,
        "notes": read.notes,
        "settings": {
            "ranking": request.settings.ranking.value,
            "min_score": request.settings.min_score,
            "by_type": request.settings.by_type,
            "suggest_from": request.suggest_from,
        },
        "level": request.noise.level,
        "scores": strict_scores_of(judged).to_json(),
        "kinds": {kind.value: kinds[kind] for kind in Kind},
        "types": {
            name: {
                "marks": marks[name],
                **{kind.value: counts[kind] for kind in Kind},
                "doubted": counts.total() - counts[Kind.MISSING],
            }
            for name, counts in sorted(by_type.items())
        },
        "thresholds": dict(found.thresholds),
        "unread": found.unread,
    }


def _type_of(suspect: Suspect) -> str:
    side = suspect.case.gold or suspect.case.predicted
    assert side is not None, "a suspect has a side"
    return side.label


def _write(
    request: SuspectRequest,
    documents: Sequence[Document],
    found: SuspectList,
    content: Mapping[str, Any],
) -> None:
    """Write all forms; suspects.json last, as the sign that all is there."""
    try:
        request.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CheckpointError(f"cannot make the folder {request.out}: {error.strerror}") from error
    rows = [
        {"rank": rank, **suspect.to_json()} for rank, suspect in enumerate(found.suspects, start=1)
    ]
    with atomic_write(request.out / LINES_FILE) as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    sure: dict[str, list[Suspect]] = {}
    for suspect in found.suspects:
        if suspect.score >= request.suggest_from:
            sure.setdefault(suspect.case.document, []).append(suspect)
    write_jsonl(
        request.out / SUGGESTED_FILE,
        (suggested_document(document, sure.get(document.id, [])) for document in documents),
    )
    write_pages(content, rows, request.out)
    write_json(request.out / f"{NAME}.json", content)
