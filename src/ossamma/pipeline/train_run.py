"""One training run from files to a bundle: read, check, train, evaluate, seal.

Nothing is written before everything that can be checked has been: a run that cannot start leaves
no folder behind. See `run_folder` for what a run writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from torch import nn
from transformers import set_seed

from ossamma.data.readers.jsonl import write_jsonl
from ossamma.evaluation.metrics import strict_scores
from ossamma.evaluation.scores import Scores
from ossamma.export.bundle import load, save_bundle
from ossamma.export.manifest import BUNDLE_FOLDER, read_metadata
from ossamma.inference.recogniser import OssammaRecogniser
from ossamma.model.modeling import OssammaForTokenClassification
from ossamma.pipeline.circumstances import machine, versions
from ossamma.pipeline.corpora import TRAIN, Split, fingerprint, read_splits
from ossamma.pipeline.hub_encoder import from_hugging_face
from ossamma.pipeline.initialise import Initialised, from_checkpoint, from_scratch
from ossamma.pipeline.preflight import check_libraries, check_splits
from ossamma.pipeline.processes import own_process
from ossamma.pipeline.recipe import Recipe, model_settings
from ossamma.pipeline.run_compare import flat
from ossamma.pipeline.run_folder import (
    BEST_FOLDER,
    METRICS_FILE,
    PREDICTIONS_FILE,
    RUN_FILE,
    claim_run,
    disk_faults,
    held,
    read_record,
    recorded,
    refuse_used,
    rejoin_run,
    timestamp,
    write_json,
)
from ossamma.pipeline.scoring import score
from ossamma.pipeline.witness import close_world, unwitnessed_types
from ossamma.schema.errors import ConfigurationError, DataError
from ossamma.schema.labels import LabelSet
from ossamma.schema.profile import Profile
from ossamma.schema.spans import Document
from ossamma.tokenization.batches import Example
from ossamma.tokenization.features import FeatureSpec, WordFeatures
from ossamma.training.adaptation import adapt, check_adapters, merged
from ossamma.training.balance import count_types, type_weights, with_margins
from ossamma.training.examples import ExampleBuilder, ExampleReport
from ossamma.training.finetune import FinetuneResult, finetune
from ossamma.training.settings import FinetuneSettings
from ossamma.training.trackers import TrackedRun, Trackers, check_trackers, tracked
from ossamma.training.trainer import Task
from ossamma.training.watch import Watch

_WARNING = "warning: "


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainRequest:
    """What to train on, how, and where the run goes."""

    profile: str
    """Name or path of a profile, or "native"."""
    train: Path
    """The training file."""
    dev: Path
    """The file that chooses the best epoch."""
    out: Path
    """The run folder."""
    recipe: Recipe
    """All settings."""
    test: Path | None = None
    """A file scored once, at the end."""
    init: Path | None = None
    """A checkpoint whose encoder to start from."""
    encoder: str | None = None
    """An encoder of transformers to start from: a folder, or a name on a hub."""
    table: str | None = None
    """The profile's label map for the files; None chooses by their labels."""
    file_format: str = "auto"
    """Format of the files: "auto", "conll" or "jsonl"."""
    resume: bool = False
    """Continue the run in `out`."""
    trackers: tuple[str, ...] = ()
    """Where settings and figures go beside TensorBoard; see `training.trackers`."""


@dataclass(frozen=True, slots=True)
class TrainOutcome:
    """What came of a run."""

    bundle: Path
    dev: Scores
    test: Scores | None
    result: FinetuneResult
    recogniser: OssammaRecogniser


@dataclass(frozen=True, slots=True)
class _Prepared:
    """Everything that a run needs before its first step, and its record."""

    profile: Profile
    splits: Mapping[str, Split]
    start: Initialised
    examples: list[Example]
    record: dict[str, Any]
    notes: list[str]


def train(
    request: TrainRequest, console: Console | None = None, *, watch: Watch | None = None
) -> TrainOutcome:
    """Carry out a training run. `watch` hears of every evaluation and may end the training.

    Raises:
        CheckpointError: the run folder is in use, or does not fit `resume`; or the checkpoint to
            start from cannot be used.
        DataError, AnnotationError, FormatError, ProfileError: the files cannot be trained on.
        ConfigurationError: settings that do not go together.
        TrainingError: training had to stop.
    """
    check_libraries()
    check_adapters(request.recipe.training)
    check_trackers(request.trackers)
    if request.resume:
        started = read_record(request.out).get("started")
    else:
        refuse_used(request.out)
        started = timestamp()
    if request.recipe.training.num_threads:
        torch.set_num_threads(request.recipe.training.num_threads)
    prepared = _prepare(request, started)
    _say(console, prepared.notes)
    with held(request.out):
        if request.resume:
            _say(console, _as_warnings(rejoin_run(request.out, prepared.record)))
        else:
            claim_run(request.out, prepared.record)
        with (
            recorded(request.out, prepared.record),
            disk_faults(request.out),
            tracked(request.trackers, _tracked_run(request, prepared)) as trackers,
        ):
            result = _fit(request, prepared, console, watch=watch, trackers=trackers)
            return _finish(request, prepared, result, trackers)


def _prepare(request: TrainRequest, started: str | None) -> _Prepared:
    files = {TRAIN: request.train, "dev": request.dev, "test": request.test}
    profile, splits = read_splits(
        request.profile,
        {name: path for name, path in files.items() if path is not None},
        table=request.table,
        file_format=request.file_format,
    )
    warnings = check_splits(profile, splits)
    set_seed(request.recipe.training.seed)
    silent = unwitnessed_types(splits[TRAIN].documents, profile.labels.types)
    documents = close_world(splits[TRAIN].documents, silent)
    start = _start(request, profile.labels, documents)
    adapt(start.model, request.recipe.training)
    _refuse_long_windows(request, start)
    builder = ExampleBuilder(
        start.tokenizer,
        WordFeatures([FeatureSpec(*spec) for spec in start.model.config.word_features]),
        profile.labels,
        window_pieces=request.recipe.training.window_pieces,
    )
    examples, report = builder.build(documents)
    if not examples:
        raise DataError(f"{request.train}: expected at least one word to train on, got none")
    examples, weighed = _weigh(examples, profile.labels, request.recipe.training)
    notes = [*_as_warnings(warnings), *start.notes, _sizes(report), *weighed, *_closed(silent)]
    record = {
        **_describe(request, profile, splits, start),
        "closed_world": list(silent),
        "started": started,
        "process": own_process(),
    }
    return _Prepared(profile, splits, start, examples, record, notes)


def _start(request: TrainRequest, labels: LabelSet, documents: Sequence[Document]) -> Initialised:
    """Return what is trained, before a step is done.

    Raises:
        ConfigurationError: two encoders to start from.
    """
    if request.encoder is None:
        if request.init is not None:
            return from_checkpoint(request.init, labels, request.recipe)
        return from_scratch(documents, labels, request.recipe)
    if request.init is not None:
        raise ConfigurationError("expected --init or --encoder, got both: each is an encoder")
    return from_hugging_face(request.encoder, labels, request.recipe)


def _refuse_long_windows(request: TrainRequest, start: Initialised) -> None:
    wanted, longest = request.recipe.training.window_pieces, start.model.config.longest_window
    if wanted > longest:
        raise ConfigurationError(
            f"training.window_pieces must be at most {longest}, what the encoder reads at once "
            f"beside the special pieces, got {wanted}"
        )


def _weigh(
    examples: list[Example], labels: LabelSet, settings: FinetuneSettings
) -> tuple[list[Example], list[str]]:
    """Return the examples with the weights of types that the settings ask for, and a note."""
    if settings.type_weight_power == 0.0:
        return examples, []
    weights = type_weights(
        count_types(examples, len(labels.types)),
        power=settings.type_weight_power,
        most=settings.max_type_weight,
    )
    said = ", ".join(f"{name} {w:.2f}" for name, w in zip(labels.types, weights, strict=True))
    return with_margins(examples, weights), [f"weights of types: {said}"]


def _fit(
    request: TrainRequest,
    prepared: _Prepared,
    console: Console | None,
    *,
    watch: Watch | None,
    trackers: Trackers,
) -> FinetuneResult:
    model, tokenizer = prepared.start.model, prepared.start.tokenizer
    recogniser = OssammaRecogniser(model, tokenizer)

    def evaluate(trained: nn.Module) -> dict[str, float]:
        assert trained is model
        micro = score(recogniser, prepared.splits["dev"].documents).micro
        return {"f1": micro.f1, "precision": micro.precision, "recall": micro.recall}

    def save_best(trained: OssammaForTokenClassification, scores: Mapping[str, float]) -> None:
        facts = {
            "checkpoint_epoch": scores["epoch"],
            "val_f1": scores["eval_f1"],
            "profile": prepared.profile.name,
            "data_fingerprint": prepared.record["data_fingerprint"],
        }
        plain = merged(trained)
        save_bundle(request.out / BEST_FOLDER, plain, tokenizer, prepared.profile, facts=facts)

    task = Task(
        model=model,
        examples=prepared.examples,
        pad_id=tokenizer.pad_id,
        evaluate=evaluate,
        save_best=save_best,
        watch=watch,
    )
    return finetune(
        task,
        request.recipe.training,
        request.out,
        resume=request.resume,
        console=console,
        trackers=trackers,
    )


def _finish(
    request: TrainRequest, prepared: _Prepared, result: FinetuneResult, trackers: Trackers
) -> TrainOutcome:
    """Score the best model as a user would load it, keep its answers, and release it."""
    place = prepared.start.model.device
    best = load(request.out / BEST_FOLDER, device=str(place) if place.type == "cuda" else "cpu")
    judged = {name: split for name, split in prepared.splits.items() if name != TRAIN}
    found = {
        name: [entities for _, entities in best.recognise_documents(split.documents)]
        for name, split in judged.items()
    }
    scores = {name: strict_scores(split.documents, found[name]) for name, split in judged.items()}
    figures = {name: scores[name].to_json() if name in scores else None for name in ("dev", "test")}
    facts = {
        "checkpoint_epoch": read_metadata(request.out / BEST_FOLDER)["checkpoint_epoch"],
        "val_f1": scores["dev"].micro.f1,
        "profile": prepared.profile.name,
        "data_fingerprint": prepared.record["data_fingerprint"],
        "scores": figures,
        "recipe": prepared.record["recipe"],
    }
    bundle = request.out / BUNDLE_FOLDER
    save_bundle(bundle, best.model, best.tokenizer, prepared.profile, facts=facts)
    if "test" in judged:
        answers = request.out / PREDICTIONS_FILE
        write_jsonl(answers, judged["test"].documents, entities=found["test"])
    write_json(request.out / METRICS_FILE, {**figures, "training": asdict(result)})
    trackers.log(_final_figures(figures), result.steps)
    write_json(
        request.out / RUN_FILE, {**prepared.record, "status": "finished", "ended": timestamp()}
    )
    return TrainOutcome(bundle, scores["dev"], scores.get("test"), result, best)


def _describe(
    request: TrainRequest, profile: Profile, splits: Mapping[str, Split], start: Initialised
) -> dict[str, Any]:
    return {
        "status": "running",
        "profile": profile.name,
        "types": list(profile.labels.types),
        "init": asdict(start.origin) if start.origin else None,
        # The model's own settings: those of a checkpoint are not the recipe's to decide.
        "recipe": {**request.recipe.to_json(), "model": model_settings(start.model.config)},
        "data": {name: split.facts() for name, split in splits.items()},
        "data_fingerprint": fingerprint(splits),
        "versions": versions(),
        "machine": machine(),
    }


def _tracked_run(request: TrainRequest, prepared: _Prepared) -> TrackedRun:
    record = prepared.record
    own = {name: record[name] for name in ("profile", "init", "data_fingerprint", "versions")}
    settings = flat(own) | flat(record["recipe"])
    return TrackedRun(folder=request.out, settings=settings, resume=request.resume)


def _final_figures(figures: Mapping[str, Any]) -> dict[str, float]:
    """Return the scores of the model that was kept as `test.micro.f1`, `test.PERSON.f1` ..."""
    final: dict[str, float] = {}
    for part, scores in figures.items():
        if scores is not None:
            averages = {name: scores[name] for name in ("micro", "macro")}
            per_type = {name: {"f1": row["f1"]} for name, row in scores["per_type"].items()}
            final |= flat({**per_type, **averages}, part)
    return final


def _sizes(report: ExampleReport) -> str:
    counts = [f"{name.replace('_', ' ')} {n:,}" for name, n in asdict(report).items() if n]
    return f"training set: {', '.join(counts)}"


def _closed(types: Sequence[str]) -> list[str]:
    if not types:
        return []
    names = ", ".join(types)
    return [
        f"{_WARNING}no training document marks every {names}: where nothing is marked, none is "
        "taken to be there; add a corpus that annotates them"
    ]


def _as_warnings(lines: Iterable[str]) -> list[str]:
    return [_WARNING + line for line in lines]


def _say(console: Console | None, lines: Iterable[str]) -> None:
    if console is None:
        return
    for line in lines:
        style = "yellow" if line.startswith(_WARNING) else None
        # Paths and names of tensors may look like markup.
        console.print(line, style=style, markup=False, highlight=False, soft_wrap=True)
