"""How models read documents that they did not learn from: one training run for each fold.

A single fold is the exception: its model learns from all documents and reads them.

::

    OUT/
      folds/fold-1/train.jsonl, dev.jsonl   what the model of the first fold learns from
      runs/fold-1/                          its run folder
      answers/fold-1.json                   how it reads the first fold: the run is done
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from multiprocessing import get_context
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any

from rich.console import Console

from ossamma.data.readers.jsonl import write_jsonl
from ossamma.data.split import unit_hash
from ossamma.inference.readings import DocumentReading, SpanReading
from ossamma.inference.recogniser import OssammaRecogniser
from ossamma.inference.settings import InferenceSettings
from ossamma.pipeline.run_family import RunFamily, refuse_other
from ossamma.pipeline.run_folder import RUN_FILE, write_json
from ossamma.pipeline.train_run import train
from ossamma.pipeline.workers import run_workers
from ossamma.schema.errors import CheckpointError, DataError
from ossamma.schema.spans import Document, Entity
from ossamma.training.run_files import CHECKPOINTS_FOLDER

FOLDS_FOLDER = "folds"
RUNS_FOLDER = "runs"
ANSWERS_FOLDER = "answers"
_DEV_SHARE = 0.1
_RAW = InferenceSettings(calibrated=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class FoldRequest:
    """Labelled documents in a profile's types, and how the models of the folds are trained."""

    documents: tuple[Document, ...]
    """All of them labelled."""
    types: tuple[str, ...]
    """Of the profile: every fold has them all, even if it has no mark of one."""
    folds: int
    """Number of models. One learns from what it reads, and shows what it could not learn."""
    out: Path
    """The folder of runs and answers."""
    family: RunFamily
    """The options of the runs; its files and its label map are replaced."""
    workers: int = 1
    """Processes on this machine."""

    def fold_of(self, document: Document) -> int:
        """Return the fold, from 0, in which a document is held out: by the hash of its group."""
        return fold_of(document, self.folds)

    def held_out(self, fold: int) -> list[Document]:
        """Return the documents of a fold."""
        return [document for document in self.documents if self.fold_of(document) == fold]

    def run_family(self, fold: int) -> RunFamily:
        """Return the options of a fold's run."""
        folder = self.out / FOLDS_FOLDER / _name(fold)
        return replace(
            self.family,
            train=folder / "train.jsonl",
            dev=folder / "dev.jsonl",
            test=None,
            table=None,
            file_format="jsonl",
        )


def fold_of(document: Document, folds: int) -> int:
    """Return the fold of a document: a function of its group (else its id) and their number."""
    return int(unit_hash(document.group or document.id, "folds") * folds)


def read_folds(request: FoldRequest, console: Console | None = None) -> list[DocumentReading]:
    """Return how each document is read by the model that did not learn from it, in their order.

    What is finished is kept; the same request goes on with the rest.

    Raises:
        CheckpointError: the folder holds folds with other settings or documents.
        DataError: a fold has nothing to train on, or to choose the best epoch on.
        TrainingError: a run had to stop.
        KeyboardInterrupt: nothing finished is lost.
    """
    for fold in range(request.folds):
        _write_fold(request, fold)
    waiting = [fold for fold in range(request.folds) if _answer_of(request, fold) is None]
    _say(console, f"{len(waiting)} of {request.folds} models are to be trained")
    if request.workers > 1 and len(waiting) > 1:
        count = min(request.workers, len(waiting))
        queue: Queue[int | None] = get_context("spawn").Queue()
        for entry in [*waiting, *[None] * count]:
            queue.put(entry)
        run_workers(_work, [request, queue, console is not None], count=count)
    else:
        for fold in waiting:
            _carry_out(request, fold, console, bar=True)
    by_fold = {
        fold: iter(_readings(request.held_out(fold), _require(request, fold)))
        for fold in range(request.folds)
    }
    return [next(by_fold[request.fold_of(document)]) for document in request.documents]


def fold_facts(request: FoldRequest) -> list[dict[str, Any]]:
    """Say of each finished fold how many documents it holds and how its training went."""
    facts = []
    for fold in range(request.folds):
        answer = _require(request, fold)
        facts.append(
            {
                "fold": fold + 1,
                "documents": len(answer["readings"]),
                **{name: answer[name] for name in ("dev_f1", "epochs", "seconds")},
            }
        )
    return facts


def read_with(
    recogniser: OssammaRecogniser, documents: Sequence[Document]
) -> list[DocumentReading]:
    """Return how a model reads documents, with raw posteriors, whatever calibration it has."""
    raw = OssammaRecogniser(recogniser.model, recogniser.tokenizer, _RAW)
    return list(raw.read_documents(documents))


def _work(worker: int, request: FoldRequest, queue: Queue[int | None], show: bool) -> None:  # noqa: FBT001  a process's entry
    del worker
    console = Console(stderr=True) if show else None
    while (fold := queue.get()) is not None:
        _carry_out(request, fold, console, bar=False)


def _carry_out(request: FoldRequest, fold: int, console: Console | None, *, bar: bool) -> None:
    folder = request.out / RUNS_FOLDER / _name(fold)
    family = request.run_family(fold)
    _say(console, f"{_name(fold)}: {len(request.held_out(fold))} documents are held out", "bold")
    run = family.request(folder, resume=(folder / RUN_FILE).is_file())
    outcome = train(run, console if bar else None)
    readings = read_with(outcome.recogniser, request.held_out(fold))
    answer = {
        "identity": family.identity(),
        "dev_f1": outcome.dev.micro.f1,
        "epochs": outcome.result.epochs,
        "seconds": outcome.result.seconds,
        "readings": [_to_json(reading) for reading in readings],
    }
    write_json(_answer_path(request, fold), answer)
    shutil.rmtree(folder / CHECKPOINTS_FOLDER, ignore_errors=True)  # many, and of no more use
    _say(console, f"{_name(fold)}: dev F1 {answer['dev_f1']:.4f}, {answer['seconds']:.0f} s")


def _write_fold(request: FoldRequest, fold: int) -> None:
    """Write what the model of a fold learns from, in the profile's types."""
    held = request.held_out(fold)
    rest = [
        replace(document, annotates=frozenset(request.types))
        if document.annotates is None
        else document
        for document in request.documents
        if request.folds == 1 or request.fold_of(document) != fold
    ]
    dev_groups = _dev_groups(rest)
    is_dev = [(document.group or document.id) in dev_groups for document in rest]
    sides = {
        "train": [d for d, dev in zip(rest, is_dev, strict=True) if not dev or request.folds == 1],
        "dev": [d for d, dev in zip(rest, is_dev, strict=True) if dev],
    }
    if not held or not all(any(d.annotations for d in side) for side in sides.values()):
        raise DataError(
            f"fold {fold + 1} of {request.folds}: expected documents to hold out, to train on and "
            f"to choose the epoch on, got {len(held)}, {len(sides['train'])} and "
            f"{len(sides['dev'])}, or no mark in them; give fewer folds, or more groups"
        )
    family = request.run_family(fold)
    _make_folder(family.train.parent)
    for folder in (RUNS_FOLDER, ANSWERS_FOLDER):
        _make_folder(request.out / folder)
    write_jsonl(family.train, sides["train"])
    write_jsonl(family.dev, sides["dev"])


def _dev_groups(documents: Sequence[Document]) -> set[str]:
    """Choose a tenth of the documents, whole groups by their hash, with a mark among them."""
    groups: dict[str, list[Document]] = {}
    for document in documents:
        groups.setdefault(document.group or document.id, []).append(document)
    chosen: set[str] = set()
    number, is_marked = 0, False
    for name in sorted(groups, key=lambda name: unit_hash(name, "dev")):
        if number >= _DEV_SHARE * len(documents) and is_marked:
            break
        chosen.add(name)
        number += len(groups[name])
        is_marked = is_marked or any(document.annotations for document in groups[name])
    return chosen


def _to_json(reading: DocumentReading) -> dict[str, Any]:
    return {
        "id": reading.document.id,
        "entities": [[e.start, e.end, e.label, e.confidence] for e in reading.entities],
        "claims": [list(asdict(share).values()) for share in reading.claims],
        "marks": [share and list(asdict(share).values()) for share in reading.marks],
        "unmarked": reading.unmarked,
        "outside": reading.outside,
    }


def _readings(documents: Sequence[Document], answer: Mapping[str, Any]) -> list[DocumentReading]:
    """Rebuild the readings of a fold's documents from its answer."""
    made = []
    for document, content in zip(documents, answer["readings"], strict=True):
        assert document.id == content["id"], "the answer is of these documents"
        made.append(
            DocumentReading(
                document=document,
                entities=tuple(
                    Entity(start, end, label, document.text[start:end], confidence)
                    for start, end, label, confidence in content["entities"]
                ),
                claims=tuple(SpanReading(*share) for share in content["claims"]),
                marks=tuple(share and SpanReading(*share) for share in content["marks"]),
                unmarked=content["unmarked"],
                outside=content["outside"],
            )
        )
    return made


def _answer_path(request: FoldRequest, fold: int) -> Path:
    return request.out / ANSWERS_FOLDER / f"{_name(fold)}.json"


def _answer_of(request: FoldRequest, fold: int) -> dict[str, Any] | None:
    """Read the answer of a fold, if there is one. Raises CheckpointError if it is another's."""
    path = _answer_path(request, fold)
    try:
        answer: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        before = answer["identity"]
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path} is damaged: {error!r}; remove it") from error
    refuse_other(before, request.run_family(fold).identity(), what=f"the run {_name(fold)}")
    return answer


def _require(request: FoldRequest, fold: int) -> dict[str, Any]:
    answer = _answer_of(request, fold)
    assert answer is not None, "every fold was carried out"
    return answer


def _name(fold: int) -> str:
    return f"fold-{fold + 1}"


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CheckpointError(f"cannot make the folder {folder}: {error.strerror}") from error


def _say(console: Console | None, line: str, style: str | None = None) -> None:
    if console is not None:
        console.print(line, style=style, markup=False, highlight=False, soft_wrap=True)
