"""What a system found in gold documents, and the report of it as a folder of files.

Needs neither torch nor transformers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from ossamma.data.readers.jsonl import write_jsonl
from ossamma.evaluation.judge import JudgedDocument, judge
from ossamma.evaluation.report import REPORT_FILE, ReportFacts, make_report, write_report
from ossamma.evaluation.report_pages import write_pages
from ossamma.evaluation.resampling import ResamplingSettings
from ossamma.evaluation.slices import surfaces_of
from ossamma.export.manifest import own_version
from ossamma.pipeline.gold import Gold, read_gold
from ossamma.pipeline.known_suspects import read_suspects
from ossamma.pipeline.labelled import AUTO
from ossamma.schema.errors import DataError
from ossamma.schema.profile import Profile
from ossamma.schema.spans import Document, Entity

PREDICTIONS_FILE: Final = "predictions.jsonl"


@dataclass(frozen=True, kw_only=True, slots=True)
class GoldRequest:
    """Which documents a system is scored on."""

    files: tuple[Path, ...]
    """Labelled files, at least one."""
    profile: str | None = None
    """Whose label maps to use: a name or path; None leaves it to the system that is scored."""
    table: str | None = None
    """The label map; None chooses one for each file by its labels."""
    file_format: str = AUTO
    """Format of the files: a reader's name, or "auto"."""

    def read(self, profile: Profile | None) -> Gold:
        """Read the files in the types of a profile."""
        return read_gold(self.files, profile, table=self.table, file_format=self.file_format)


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """Gold documents, what was found in them, and what is known of the system."""

    gold: Gold
    """The gold documents as they were read."""
    documents: tuple[Document, ...]
    """The same as the system saw them."""
    found: tuple[tuple[Entity, ...], ...]
    """The entities of each document."""
    judged: tuple[JudgedDocument, ...]
    """The documents with both sides aligned."""
    system: Mapping[str, Any]
    """What the report says of the system."""
    profile: Profile | None
    """The types that are scored; None takes the labels as they are."""
    training: Mapping[str, Any] | None = None
    """What is known of the training."""
    speed: Mapping[str, Any] | None = None
    """What was timed, and on what."""


def judgement_of(
    gold: Gold,
    documents: Sequence[Document],
    found: Sequence[Sequence[Entity]],
    *,
    system: Mapping[str, Any],
    profile: Profile | None,
) -> Judgement:
    """Align what was found with the gold documents."""
    return Judgement(
        gold=gold,
        documents=tuple(documents),
        found=tuple(map(tuple, found)),
        judged=tuple(judge(documents, found)),
        system=system,
        profile=profile,
    )


def report_of(
    judgement: Judgement,
    *,
    request: GoldRequest,
    train: Path | None = None,
    suspects: Sequence[Path] = (),
    resampling: ResamplingSettings | None = None,
) -> dict[str, Any]:
    """Return the report.

    Args:
        judgement: what was found.
        request: how the gold files were read.
        train: the training file, for what of the gold documents it had shown; None leaves that out.
        suspects: answers of `data suspects` for gold files.
        resampling: how intervals are drawn; None leaves them out.
    """
    profile = judgement.profile
    seen = None
    if train is not None:
        files = read_gold((train,), profile, table=request.table, file_format=request.file_format)
        seen = surfaces_of(files.documents)
    facts = ReportFacts(
        system=judgement.system,
        gold=judgement.gold.facts(),
        version=own_version(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        profile=profile.name if profile else None,
        types=profile.labels.types if profile else (),
        rule_shaped=profile.rule_shaped if profile else frozenset(),
        hierarchy=profile.hierarchy if profile else None,
        seen_surfaces=seen,
        resampling=resampling,
        suspects=read_suspects(suspects, judgement.gold) if suspects else None,
        training=judgement.training,
        speed=judgement.speed,
    )
    return make_report(judgement.judged, facts)


def write_folder(judgement: Judgement, report: Mapping[str, Any], folder: Path) -> None:
    """Write predictions, pages and report into a folder; report.json comes last.

    Raises:
        DataError: the folder cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f"cannot make the folder {folder}: {error.strerror}; choose another one"
        ) from error
    write_jsonl(folder / PREDICTIONS_FILE, judgement.documents, entities=judgement.found)
    write_pages(report, folder)
    write_report(report, folder / REPORT_FILE)
