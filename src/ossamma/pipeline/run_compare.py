"""Runs side by side: what differs between them, and their scores with the differences.

Needs neither torch nor transformers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ossamma.evaluation.measurement import number_of
from ossamma.pipeline.run_content import CURVES, RunContent, require_run
from ossamma.schema.errors import ConfigurationError

_SETTINGS: Final = ("profile", "types", "init", "closed_world", "row_pieces")
_OF_A_FILE: Final = (
    "sha256",
    "format",
    "table",
    "mapped",
    "documents",
    "sentences",
    "words",
    "entities",
    "repaired_tags",
    "skipped_sentences",
)
_FIGURES: Final = ("precision", "recall", "f1")
_TRAINING: Final = ("best_epoch", "epochs", "steps", "stopped_early", "seconds")
_PARTS: Final = ("dev", "test")

Curve = tuple[tuple[float, float], ...]
"""(epoch, value), or (step, value) without epochs."""
Values = tuple[Any, ...]
"""What each run has; None where it has nothing."""


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """A figure of each run, and by how much it exceeds that of the first run."""

    values: tuple[float | None, ...]

    @property
    def differences(self) -> tuple[float | None, ...]:
        """Against the first run; None where one of the two has no figure."""
        first = self.values[0]
        return tuple(
            None if value is None or first is None else value - first for value in self.values
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class RunComparison:
    """What differs, by section and name, and all scores."""

    runs: tuple[str, ...]
    """The folders, as they were given."""
    settings: Mapping[str, Values]
    """Profile, types, checkpoint and every setting of the recipe, as `--set` spells it."""
    data: Mapping[str, Values]
    """Files by content: paths may differ."""
    versions: Mapping[str, Values]
    """Versions of libraries."""
    machine: Mapping[str, Values]
    """Where they ran."""
    scores: Mapping[str, ScoreRow]
    """Figures that at least one run has."""
    curves: Mapping[str, tuple[Curve, ...]]
    """Those of all runs by the name of the figure, where at least one run has it."""
    notes: tuple[str, ...]
    """What a reader must know before the scores are believed."""

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON types."""
        sections = ("settings", "data", "versions", "machine")
        return {
            "runs": list(self.runs),
            **{
                section: {name: list(values) for name, values in getattr(self, section).items()}
                for section in sections
            },
            "scores": {
                name: {"values": list(row.values), "differences": list(row.differences)}
                for name, row in self.scores.items()
            },
            "curves": {
                name: [[list(point) for point in curve] for curve in curves]
                for name, curves in self.curves.items()
            },
            "notes": list(self.notes),
        }


def compare_runs(folders: Sequence[Path]) -> RunComparison:
    """Hold runs against each other, in the order given.

    Raises:
        ConfigurationError: fewer than two.
        CheckpointError: one of them is no run that can be read.
    """
    if len(folders) < 2:
        raise ConfigurationError(f"expected at least two runs to compare, got {len(folders)}")
    runs = [require_run(folder) for folder in folders]
    return RunComparison(
        runs=tuple(map(str, folders)),
        settings=different([settings_of(run) for run in runs]),
        data=different([data_of(run) for run in runs]),
        versions=different([flat(run.at("versions")) for run in runs]),
        machine=different([flat(run.at("machine")) for run in runs]),
        scores=_score_rows([scores_of(run) for run in runs]),
        curves=_curves(runs),
        notes=tuple(_notes(runs)),
    )


def settings_of(run: RunContent) -> dict[str, Any]:
    """Return every setting by its name."""
    own = {name: run.at(name) for name in _SETTINGS if run.at(name) is not None}
    return flat(own) | flat(run.at("recipe"))


def data_of(run: RunContent) -> dict[str, Any]:
    """Return what is known of the contents of a run's files, by the name of the file's part."""
    files = run.at("data")
    facts: dict[str, Any] = {}
    for part, file in files.items() if isinstance(files, Mapping) else ():
        if isinstance(file, Mapping):
            facts |= {f"{part}.{name}": file[name] for name in _OF_A_FILE if name in file}
    texts = run.at("texts")
    return facts | flat({"texts": texts} if isinstance(texts, list) else None)


def scores_of(run: RunContent) -> dict[str, float | None]:
    """Return the figures of a run by name; those of a part come before those of its types."""
    scores: dict[str, float | None] = {}
    for part in _PARTS:
        for name in _FIGURES:
            scores[f"{part} micro {name}"] = run.metric(part, "micro", name)
        scores[f"{part} macro f1"] = run.metric(part, "macro", "f1")
        for label in _types(run, part):
            scores[f"{part} {label} f1"] = run.metric(part, "per_type", label, "f1")
    held_out = run.at("scores")
    for name, value in held_out.items() if isinstance(held_out, Mapping) else ():
        scores[f"held out {name}"] = number_of(value)
    for name in _TRAINING:
        scores[name.replace("_", " ")] = run.metric("training", name)
    return scores


def flat(value: Any, name: str = "") -> dict[str, Any]:  # noqa: ANN401  JSON is anything
    """Turn nested mappings, and lists of them, into `a.b.c: leaf`."""
    if isinstance(value, list) and value and all(isinstance(entry, Mapping) for entry in value):
        value = {str(index): entry for index, entry in enumerate(value)}
    if not isinstance(value, Mapping):
        return {name: value} if name else {}
    inside = f"{name}." if name else ""
    return {
        key: leaf
        for part, entry in value.items()
        for key, leaf in flat(entry, f"{inside}{part}").items()
    }


def different(contents: Sequence[Mapping[str, Any]]) -> dict[str, Values]:
    """Return the entries that are not the same everywhere, in the order in which they come."""
    rows = ((name, tuple(each.get(name) for each in contents)) for name in _names(contents))
    return {name: row for name, row in rows if any(value != row[0] for value in row)}


def _names(contents: Iterable[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for each in contents for name in each))


def _types(run: RunContent, part: str) -> list[str]:
    scores = run.metrics.get(part)
    rows = scores.get("per_type") if isinstance(scores, Mapping) else None
    return sorted(rows) if isinstance(rows, Mapping) else []


def _score_rows(scores: Sequence[Mapping[str, float | None]]) -> dict[str, ScoreRow]:
    rows = {name: ScoreRow(tuple(each.get(name) for each in scores)) for name in _names(scores)}
    return {name: row for name, row in rows.items() if any(v is not None for v in row.values)}


def _curves(runs: Sequence[RunContent]) -> dict[str, tuple[Curve, ...]]:
    curves = {name: tuple(tuple(run.curve(name)) for run in runs) for name in CURVES}
    return {name: each for name, each in curves.items() if any(each)}


def _notes(runs: Sequence[RunContent]) -> Iterator[str]:
    for part in _PARTS:
        hashes = [run.at("data", part, "sha256") for run in runs]
        if len({each for each in hashes if each is not None}) > 1:
            yield f"the {part} files differ: their {part} scores cannot be compared"
    if len({run.text("status") for run in runs}) > 1:
        stated = ", ".join(f"{run.path}: {run.text('status')}" for run in runs)
        yield f"the runs do not stand alike: {stated}"
