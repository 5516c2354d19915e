"""The report: everything that is known of a system on labelled documents, as one JSON file."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ossamma.evaluation.bootstrap import score_intervals
from ossamma.evaluation.boundaries import boundary_scores
from ossamma.evaluation.calibration import measure_calibration
from ossamma.evaluation.confusion import confusion
from ossamma.evaluation.document_counts import count_documents
from ossamma.evaluation.errors import ErrorSettings, collect_errors
from ossamma.evaluation.hierarchy_scores import hierarchy_scores
from ossamma.evaluation.judge import JudgedDocument
from ossamma.evaluation.metrics import strict_scores_of
from ossamma.evaluation.report_sections import OPTIONAL, REQUIRED
from ossamma.evaluation.resampling import ResamplingSettings
from ossamma.evaluation.risk import measure_risk
from ossamma.evaluation.schemes import scheme_scores
from ossamma.evaluation.slices import not_annotated, slices
from ossamma.evaluation.suspect_notes import KnownSuspects, label_noise, noted_cases
from ossamma.schema.atomic import atomic_write
from ossamma.schema.errors import FormatError
from ossamma.schema.hierarchy import Hierarchy

REPORT_FORMAT: Final = "ossamma-report/1"
REPORT_FILE: Final = "report.json"
_AVERAGES: Final = ("micro", "macro", "weighted")
_RATIOS: Final = ("precision", "recall", "f1")
_COUNTS: Final = ("support", "tp", "fp", "fn")


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportFacts:
    """What a report says beside what is counted in the documents."""

    system: Mapping[str, Any]
    """What was scored: its kind, name, path and checksum."""
    gold: Mapping[str, Any]
    """What it was scored on: path, SHA-256, data sets, notes."""
    version: str
    """The version of ossamma."""
    created: str
    """The time, in ISO form: the only part that equal input does not determine."""
    profile: str | None = None
    """Name of the profile whose types are scored."""
    types: tuple[str, ...] = ()
    """The types that the system may predict; empty if that is not known."""
    rule_shaped: frozenset[str] = frozenset()
    """Those of them that are known by their form alone."""
    hierarchy: Hierarchy | None = None
    """What stands above the types."""
    seen_surfaces: Collection[str] | None = None
    """Surface forms of the training data; None if they are not known."""
    resampling: ResamplingSettings | None = field(default_factory=ResamplingSettings)
    """How intervals are drawn; None leaves them out."""
    errors: ErrorSettings = field(default_factory=ErrorSettings)
    """How many errors are shown."""
    suspects: KnownSuspects | None = None
    """Places where the annotation is doubted; None if nobody looked for them."""
    training: Mapping[str, Any] | None = None
    """What is known of the training."""
    speed: Mapping[str, Any] | None = None
    """What was timed, and on what."""


def make_report(judged: Sequence[JudgedDocument], facts: ReportFacts) -> dict[str, Any]:
    """Return the report in plain JSON types. Raises DataError without any document."""
    schemes = scheme_scores(judged)
    occurring = strict_scores_of(judged).per_type
    types = facts.types or tuple(name for name in occurring if "|" not in name)
    errors = collect_errors(judged, facts.errors).to_json()
    if facts.suspects:
        errors["cases"] = noted_cases(errors["cases"], facts.suspects)
    content = {
        "format": REPORT_FORMAT,
        "ossamma": facts.version,
        "created": facts.created,
        "profile": facts.profile,
        "types": list(types),
        "system": dict(facts.system),
        "gold": dict(facts.gold),
        "scores": strict_scores_of(judged).to_json(),
        "schemes": {scheme.value: scores.to_json() for scheme, scores in schemes.items()},
        "hierarchy": facts.hierarchy and hierarchy_scores(judged, facts.hierarchy).to_json(),
        "confusion": confusion(judged).to_json(),
        "boundaries": boundary_scores(judged).to_json(),
        "slices": slices(
            judged, seen_surfaces=facts.seen_surfaces, rule_shaped=facts.rule_shaped
        ).to_json(),
        "not_annotated": not_annotated(judged, types),
        "intervals": facts.resampling and score_intervals(judged, facts.resampling).to_json(),
        "calibration": measure_calibration(judged).to_json(),
        "risk_coverage": measure_risk(judged).to_json(),
        "errors": errors,
        "label_noise": facts.suspects and label_noise(judged, facts.suspects),
        "training": facts.training and dict(facts.training),
        "speed": facts.speed and dict(facts.speed),
        "per_document": count_documents(judged).to_json(),
    }
    plain: dict[str, Any] = json.loads(json.dumps(content, allow_nan=False))
    return plain


def write_report(report: Mapping[str, Any], path: Path) -> None:
    """Write a report, a line for each section. It reads back as it was."""
    lines = [
        f"{json.dumps(name)}: {json.dumps(section, allow_nan=False, separators=(',', ':'))}"
        for name, section in report.items()
    ]
    with atomic_write(path) as file:
        file.write("{\n" + ",\n".join(lines) + "\n}\n")


def read_report(path: Path) -> dict[str, Any]:
    """Read a report.

    Raises:
        FormatError: it cannot be read, is no JSON, of another format, or lacks what every report
            has; says what, and where.
    """
    content = _parse(path)
    written = content.get("format") if isinstance(content, dict) else None
    if not isinstance(content, dict) or written != REPORT_FORMAT:
        raise FormatError(
            path, None, expected=f'a report with "format": "{REPORT_FORMAT}"', got=f"{written!r}"
        )
    _expect(path, {name: isinstance(content.get(name), dict) for name in REQUIRED}, "an object")
    optional = {name: isinstance(content.get(name, {}), dict | None) for name in OPTIONAL}
    _expect(path, optional, "an object or null")
    _check_scores(path, content["scores"])
    return content


def _parse(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FormatError(
            path, None, expected="a report as `ossamma evaluate` writes it", got=str(error.strerror)
        ) from error
    except json.JSONDecodeError as error:
        raise FormatError(path, error.lineno, expected="a report in JSON", got=error.msg) from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise FormatError(path, None, expected="a report in JSON", got=str(error)) from error


def _check_scores(path: Path, scores: Mapping[str, Any]) -> None:
    rows = scores.get("per_type")
    _expect(path, {"scores.per_type": isinstance(rows, dict)}, "an object")
    assert isinstance(rows, dict)
    averages: dict[str, Any] = {f"scores.{name}": scores.get(name) for name in _AVERAGES}
    types = {f"scores.per_type.{name}": row for name, row in rows.items()}
    _expect(
        path,
        {place: isinstance(row, dict) for place, row in (averages | types).items()},
        "an object",
    )
    shares = {
        f"{place}.{name}": _is_share(row.get(name))
        for place, row in (averages | types).items()
        for name in _RATIOS
    }
    _expect(path, shares, "a share from 0 to 1")
    counts = {
        f"{place}.{name}": _is_count(row.get(name))
        for place, row in types.items()
        for name in _COUNTS
    }
    _expect(path, counts, "a whole number from 0")


def _is_share(value: object) -> bool:
    # NaN is not equal to itself, and so in no range.
    return isinstance(value, int | float) and not isinstance(value, bool) and 0.0 <= value <= 1.0


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _expect(path: Path, is_right: Mapping[str, bool], what: str) -> None:
    """Refuse the report at the first place that is not right."""
    for place, right in is_right.items():
        if not right:
            raise FormatError(
                path,
                None,
                expected=f"{what} at {place}",
                got="something else; write the report anew with `ossamma evaluate --out`",
            )
