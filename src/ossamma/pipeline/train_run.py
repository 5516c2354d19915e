"""One training run from files to a bundle: read, check, train, evaluate, seal.

::

    RUN/
      run.json               the resolved recipe, files with fingerprints, versions, how it ended
      metrics.jsonl          every figure logged while training
      metrics.json           dev and test scores of the model that was kept
      tensorboard/           the same curves for TensorBoard
      checkpoints/           sealed checkpoints to resume from
      best/                  the best model so far, as a bundle
      bundle/                the released model
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from torch import nn
from transformers import set_seed

from ossamma.evaluation.metrics import Scores, strict_scores
from ossamma.export.bundle import load, save_bundle
from ossamma.export.manifest import BUNDLE_FOLDER
from ossamma.inference.recogniser import OssammaRecogniser
from ossamma.model.modeling import OssammaForTokenClassification
from ossamma.pipeline.corpora import Split, choose_profile, fingerprint, read_split
from ossamma.pipeline.initialise import Initialised, from_checkpoint, from_scratch
from ossamma.pipeline.preflight import check_splits
from ossamma.pipeline.recipe import Recipe
from ossamma.schema.atomic import atomic_write
from ossamma.schema.errors import CheckpointError
from ossamma.schema.profile import Profile
from ossamma.tokenization.features import FeatureSpec, WordFeatures
from ossamma.training.examples import ExampleBuilder
from ossamma.training.finetune import FinetuneResult, finetune

RUN_FILE = "run.json"
METRICS_FILE = "metrics.json"
BEST_FOLDER = "best"


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainRequest:
    """What to train on, how, and where the run goes."""

    profile: str
    train: Path
    dev: Path
    out: Path
    recipe: Recipe
    test: Path | None = None
    init: Path | None = None
    table: str | None = None
    file_format: str = "auto"
    resume: bool = False


@dataclass(frozen=True, slots=True)
class TrainOutcome:
    """What came of a run."""

    bundle: Path
    dev: Scores
    test: Scores | None
    result: FinetuneResult
    recogniser: OssammaRecogniser


def train(request: TrainRequest, console: Console | None = None) -> TrainOutcome:
    """Carry out a training run.

    Raises:
        CheckpointError: the run folder is in use, or does not fit `resume`.
        DataError, AnnotationError, FormatError: the files cannot be trained on.
        TrainingError: training had to stop.
    """
    settings = request.recipe.training
    if settings.num_threads:
        torch.set_num_threads(settings.num_threads)
    profile = choose_profile(request.profile, request.train, file_format=request.file_format)
    splits = {
        name: read_split(path, profile, table=request.table, file_format=request.file_format)
        for name, path in (("train", request.train), ("dev", request.dev), ("test", request.test))
        if path is not None
    }
    return train_on(request, profile, splits, console)


def train_on(
    request: TrainRequest,
    profile: Profile,
    splits: Mapping[str, Split],
    console: Console | None = None,
) -> TrainOutcome:
    """Carry out a training run on documents already read."""
    check_splits(profile, splits, console)
    record = _describe(request, profile, splits)
    _open_run(request, record)
    set_seed(request.recipe.training.seed)
    start = (
        from_checkpoint(request.init, profile.labels, request.recipe)
        if request.init
        else from_scratch(splits["train"].documents, profile.labels, request.recipe)
    )
    for note in start.notes if console else ():
        console.print(note)  # type: ignore[union-attr]
    result = _fit(request, profile, splits, start, console)
    return _finish(request, profile, splits, record, result)


def _fit(
    request: TrainRequest,
    profile: Profile,
    splits: Mapping[str, Split],
    start: Initialised,
    console: Console | None,
) -> FinetuneResult:
    model, tokenizer = start.model, start.tokenizer
    builder = ExampleBuilder(
        tokenizer,
        WordFeatures([FeatureSpec(*spec) for spec in model.config.word_features]),
        profile.labels,
        window_pieces=request.recipe.training.window_pieces,
    )
    examples, report = builder.build(splits["train"].documents)
    if console:
        counts = ", ".join(f"{n.replace('_', ' ')} {v:,}" for n, v in asdict(report).items() if v)
        console.print(f"training set: {counts}")

    def evaluate(trained: nn.Module) -> dict[str, float]:
        assert trained is model
        micro = score(OssammaRecogniser(model, tokenizer), splits["dev"]).micro
        return {"f1": micro.f1, "precision": micro.precision, "recall": micro.recall}

    def save_best(trained: OssammaForTokenClassification, scores: Mapping[str, float]) -> None:
        facts = {
            "checkpoint_epoch": scores["epoch"],
            "val_f1": scores["eval_f1"],
            "profile": profile.name,
            "data_fingerprint": fingerprint(splits),
        }
        save_bundle(request.out / BEST_FOLDER, trained, tokenizer, profile, facts=facts)

    return finetune(
        model=model,
        examples=examples,
        pad_id=tokenizer.pad_id,
        settings=request.recipe.training,
        run=request.out,
        evaluate=evaluate,
        save_best=save_best,
        resume=request.resume,
        console=console,
    )


def score(recogniser: OssammaRecogniser, split: Split) -> Scores:
    """Score a recogniser on one split, on the source's own words where it has them."""
    found = (entities for _, entities in recogniser.recognise_documents(split.documents))
    return strict_scores(split.documents, found)


def _finish(
    request: TrainRequest,
    profile: Profile,
    splits: Mapping[str, Split],
    record: dict[str, Any],
    result: FinetuneResult,
) -> TrainOutcome:
    best = load(request.out / BEST_FOLDER)
    dev = score(best, splits["dev"])
    test = score(best, splits["test"]) if "test" in splits else None
    scores = {"dev": dev.to_json(), "test": test.to_json() if test else None}
    facts = {
        "checkpoint_epoch": result.best_epoch,
        "val_f1": dev.micro.f1,
        "profile": profile.name,
        "data_fingerprint": record["data_fingerprint"],
        "scores": scores,
        "recipe": request.recipe.to_json(),
    }
    bundle = request.out / BUNDLE_FOLDER
    save_bundle(bundle, best.model, best.tokenizer, profile, facts=facts)
    _write_json(request.out / METRICS_FILE, {**scores, "training": asdict(result)})
    _write_json(request.out / RUN_FILE, {**record, "status": "finished"})
    return TrainOutcome(bundle, dev, test, result, best)


def _describe(
    request: TrainRequest, profile: Profile, splits: Mapping[str, Split]
) -> dict[str, Any]:
    return {
        "status": "running",
        "profile": profile.name,
        "types": list(profile.labels.types),
        "init": str(request.init) if request.init else None,
        "recipe": request.recipe.to_json(),
        "data": {name: split.facts() for name, split in splits.items()},
        "data_fingerprint": fingerprint(splits),
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("ossamma", "torch", "transformers", "tokenizers")},
        },
        "machine": {
            "system": platform.platform(),
            "threads": torch.get_num_threads(),
            "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        },
    }


def _open_run(request: TrainRequest, record: dict[str, Any]) -> None:
    """Claim the run folder, or check that a resumed run is the same run."""
    path = request.out / RUN_FILE
    if not request.resume:
        if request.out.exists() and any(request.out.iterdir()):
            raise CheckpointError(
                f"{request.out} is not empty; choose another folder, or continue the run in it "
                "with --resume"
            )
        request.out.mkdir(parents=True, exist_ok=True)
    else:
        if not path.is_file():
            raise CheckpointError(f"{request.out} is not a run: expected {RUN_FILE} in it")
        before = json.loads(path.read_text(encoding="utf-8"))
        for name in ("profile", "types", "init", "recipe", "data_fingerprint"):
            if before[name] != record[name]:
                raise CheckpointError(
                    f"cannot resume {request.out}: {name} was {before[name]}, now it is "
                    f"{record[name]}; give the same options and files, or start a new run"
                )
    _write_json(path, record)


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    with atomic_write(path) as file:
        json.dump(content, file, indent=2, ensure_ascii=False)
        file.write("\n")
