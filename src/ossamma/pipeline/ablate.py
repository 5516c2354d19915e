"""`ablate`: the same run without one part at a time, over seeds, on one test set.

::

    OUT/
      runs/no-crf-2/          the run folder of variant no-crf with seed 2
      answers/no-crf-2.json   its scores, and what it found in the test file: the run is done
      ablation.json, .md, .html
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any

from rich.console import Console

from ossamma.evaluation.ablation import AblationTable, ablation_table
from ossamma.evaluation.claims import claim_metrics
from ossamma.evaluation.judge import judge
from ossamma.evaluation.resampling import ResamplingSettings
from ossamma.inference.settings import InferenceSettings
from ossamma.pipeline.ablation_report import describe, write_report
from ossamma.pipeline.corpora import TRAIN, Split
from ossamma.pipeline.run_family import RunFamily, refuse_other
from ossamma.pipeline.run_folder import RUN_FILE, write_json
from ossamma.pipeline.train_run import TrainOutcome, train
from ossamma.pipeline.variants import Variant
from ossamma.pipeline.workers import run_workers
from ossamma.schema.errors import CheckpointError, ConfigurationError, TrainingError
from ossamma.schema.spans import Document, Entity
from ossamma.training.run_files import CHECKPOINTS_FOLDER

RUNS_FOLDER = "runs"
ANSWERS_FOLDER = "answers"
_TEST = "test"
_PIECES_PER_WORD = 2  # more than common text has


@dataclass(frozen=True, slots=True)
class Job:
    """One run: a variant with a seed."""

    variant: Variant
    seed: int

    @property
    def name(self) -> str:
        """Of its run folder and its answer."""
        return f"{self.variant.name}-{self.seed}"

    @property
    def assignments(self) -> tuple[str, ...]:
        """What the run adds to the recipe."""
        return (*self.variant.assignments, f"training.seed={self.seed}")


@dataclass(frozen=True, kw_only=True, slots=True)
class AblateRequest:
    """What to leave out, how often, and where it goes."""

    family: RunFamily
    """The options that all runs share; it needs a test file."""
    variants: tuple[Variant, ...]
    """What is compared; see `variants.choose`."""
    seeds: tuple[int, ...]
    """Of the training runs, each once."""
    out: Path
    """The folder of the ablation."""
    workers: int = 1
    """Processes on this machine."""
    resampling: ResamplingSettings = ResamplingSettings()  # noqa: RUF009  it is frozen
    """How intervals are drawn."""

    def __post_init__(self) -> None:
        if self.family.test is None:
            raise ConfigurationError("an ablation needs a test file: give --test FILE")
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise ConfigurationError(f"seeds must be different numbers, got {self.seeds}")
        if self.workers < 1:
            raise ConfigurationError(f"workers must be at least 1, got {self.workers}")

    @property
    def jobs(self) -> tuple[Job, ...]:
        """All runs; one seed of all variants comes before the next seed."""
        return tuple(Job(variant, seed) for seed in self.seeds for variant in self.variants)


@dataclass(frozen=True, slots=True)
class AblateOutcome:
    """What came of an ablation: the table, and all of ablation.json."""

    table: AblationTable
    content: Mapping[str, Any]


def ablate(request: AblateRequest, console: Console | None = None) -> AblateOutcome:
    """Train what is not trained yet, and compare. Whatever ends it, what is finished is reported.

    Raises:
        CheckpointError: the folder holds runs with other settings or files.
        ConfigurationError, DataError, FormatError, ProfileError: no run could start.
        TrainingError: runs failed; the others are in the report.
        KeyboardInterrupt: after the report was written.
    """
    _, splits, warnings = request.family.read()
    for line in warnings:
        _say(console, f"warning: {line}", "yellow")
    for folder in (RUNS_FOLDER, ANSWERS_FOLDER):
        _make_folder(request.out / folder)
    waiting = [job for job in request.jobs if _answer_of(request, job) is None]
    _say(console, f"{len(waiting)} of {len(request.jobs)} runs are to be made")
    outcome: AblateOutcome | None = None
    try:
        if request.workers > 1 and len(waiting) > 1:
            _share_out(request, waiting, show=console is not None)
        else:
            for job in waiting:
                _carry_out(request, job, splits[_TEST].documents, console, bar=True)
    finally:
        outcome = _report(request, splits)
    missing = [job.name for job in request.jobs if _answer_of(request, job) is None]
    if missing or outcome is None:
        raise TrainingError(
            f"the runs {', '.join(missing)} failed, see run.json in their folders; "
            f"the others are in the report. The same command tries them again"
        )
    return outcome


def _share_out(request: AblateRequest, jobs: Sequence[Job], *, show: bool) -> None:
    count = min(request.workers, len(jobs))
    queue: Queue[Job | None] = get_context("spawn").Queue()
    for job in [*jobs, *[None] * count]:
        queue.put(job)
    run_workers(_work, [request, queue, show], count=count)


def _work(worker: int, request: AblateRequest, queue: Queue[Job | None], show: bool) -> None:  # noqa: FBT001  a process's entry
    del worker
    console = Console(stderr=True) if show else None
    _, splits, _ = request.family.read()
    while (job := queue.get()) is not None:
        _carry_out(request, job, splits[_TEST].documents, console, bar=False)


def _carry_out(
    request: AblateRequest,
    job: Job,
    documents: Sequence[Document],
    console: Console | None,
    *,
    bar: bool,
) -> None:
    """Train one variant with one seed and keep its answers; a failure is told and passed over."""
    folder = request.out / RUNS_FOLDER / job.name
    _say(console, f"{job.name}: {job.variant.title}", "bold")
    run = request.family.request(folder, job.assignments, resume=(folder / RUN_FILE).is_file())
    try:
        outcome = train(run, console if bar else None)
    except Exception as error:  # noqa: BLE001  one variant that cannot be trained is a finding
        _say(console, f"{job.name} failed: {type(error).__name__}: {error}", "red")
        return
    found = [
        [[e.start, e.end, e.label, e.confidence] for e in entities]
        for _, entities in outcome.recogniser.recognise_documents(documents)
    ]
    answer = {**_facts(outcome), "identity": request.family.identity(job.assignments)}
    write_json(_answer_path(request, job), {**answer, "entities": found})
    shutil.rmtree(folder / CHECKPOINTS_FOLDER, ignore_errors=True)  # many, and of no more use
    _say(
        console,
        f"{job.name}: dev F1 {answer['dev_f1']:.4f}, test F1 {answer['test_f1']:.4f}, "
        f"{answer['seconds']:.0f} s",
    )


def _facts(outcome: TrainOutcome) -> dict[str, Any]:
    model = outcome.recogniser.model
    assert outcome.test is not None, "the request has a test file"
    return {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "window_size": model.config.window_size,
        "dev_f1": outcome.dev.micro.f1,
        "test_f1": outcome.test.micro.f1,
        "epochs": outcome.result.epochs,
        "seconds": outcome.result.seconds,
    }


def _answer_path(request: AblateRequest, job: Job) -> Path:
    return request.out / ANSWERS_FOLDER / f"{job.name}.json"


def _answer_of(request: AblateRequest, job: Job) -> dict[str, Any] | None:
    """Read the answer of a run, if there is one. Raises CheckpointError if it is another's."""
    path = _answer_path(request, job)
    try:
        answer: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        before = answer["identity"]
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path} is damaged: {error!r}; remove it") from error
    refuse_other(before, request.family.identity(job.assignments), what=f"the run {job.name}")
    return answer


def _report(request: AblateRequest, splits: Mapping[str, Split]) -> AblateOutcome | None:
    """Compare all runs that are there; None without any."""
    gold = splits[_TEST].documents
    answers: dict[str, dict[int, dict[str, Any]]] = {}
    for variant in request.variants:
        found = {seed: _answer_of(request, Job(variant, seed)) for seed in request.seeds}
        there = {seed: answer for seed, answer in found.items() if answer is not None}
        if there:
            answers[variant.name] = there
    if not answers:
        return None
    first = next(iter(next(iter(answers.values())).values()))
    metrics = claim_metrics(
        splits[TRAIN].documents,
        reach=first["window_size"] // 2,
        context=InferenceSettings().window_pieces // _PIECES_PER_WORD,
    )
    table = ablation_table(
        {
            name: [tuple(judge(gold, _entities(gold, answer))) for answer in by_seed.values()]
            for name, by_seed in answers.items()
        },
        metrics,
        request.resampling,
    )
    content = describe(table, request.variants, answers)
    content["test"] = splits[_TEST].facts()
    write_report(request.out, content)
    return AblateOutcome(table, content)


def _entities(gold: Sequence[Document], answer: Mapping[str, Any]) -> list[list[Entity]]:
    return [
        [Entity(start, end, label, document.text[start:end], p) for start, end, label, p in found]
        for document, found in zip(gold, answer["entities"], strict=True)
    ]


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CheckpointError(f"cannot make the folder {folder}: {error.strerror}") from error


def _say(console: Console | None, line: str, style: str | None = None) -> None:
    if console is not None:
        console.print(line, style=style, markup=False, highlight=False, soft_wrap=True)
