"""Trains with `spacy train` in a child process: watched, helped over faults, told of.

::

    OUT_v1/
      manifest.json       what was trained on what, every attempt, how it ended
      config.cfg          as it was given
      attempts/00-dry/    twenty steps on the longest documents
      attempts/01/        config.cfg, train.log, progress.jsonl, models of this attempt
      model-best/         of a finished run: the best of all attempts
      model-last/         of a finished run
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import spacy
from spacy.util import load_config
from thinc.api import Config

from ossamma.export.manifest import own_version
from ossamma.pipeline.circumstances import machine, versions
from ossamma.pipeline.labelled import sha256_of
from ossamma.pipeline.processes import is_gone, own_process
from ossamma.pipeline.run_folder import held, timestamp, write_json
from ossamma.pipeline.supervision.child import run_child, tail_of
from ossamma.pipeline.supervision.faults import Ending, verdict_of
from ossamma.pipeline.supervision.gpu import GpuWatch, watch_gpu
from ossamma.pipeline.supervision.leash import leashed
from ossamma.pipeline.supervision.looks import Looks
from ossamma.pipeline.supervision.notify import make_notifier, status_of, tell, told_if_it_fails
from ossamma.pipeline.supervision.spacy_attempts import (
    ATTEMPTS_FOLDER,
    BEST,
    CONFIG_FILE,
    LAST,
    LOG_FILE,
    Attempt,
    ResumePoint,
    attempt_config,
    best_attempt,
    read_attempts,
    resume_points,
)
from ossamma.pipeline.supervision.spacy_preflight import Preflight, check, write_hard_sample
from ossamma.pipeline.supervision.versions import claim_version, latest_version
from ossamma.pipeline.supervision.watch import WatchSettings
from ossamma.schema.errors import CheckpointError, TrainingError

MANIFEST: Final = "manifest.json"
DRY_FOLDER: Final = "00-dry"
_DRY_STEPS: Final = 20
_MODELS_ON_DISK: Final = 5
"""Best and last of an attempt, the same of the run, and one that is being written."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SpacyTrainRequest:
    """What the user said."""

    config: Path
    """A complete configuration."""
    train: Path
    dev: Path
    out: Path
    """`_v1`, `_v2`, ... is appended."""
    code: Path | None = None
    """Python file with registered functions, as `spacy train --code` takes it."""
    gpu: int = -1
    """Number of the GPU; -1 is the CPU."""
    resume: bool = False
    """Go on with the newest version."""
    dry_run: bool = True
    """Try twenty steps on the longest documents first."""
    notify: tuple[str, ...] = ()
    """Apprise's addresses."""
    watch: WatchSettings = field(default_factory=WatchSettings)
    backoffs: int = 5
    """How often a batch may be divided into twice as many parts for want of memory."""
    trainer: tuple[str, ...] = ()
    """The program, whose options are spaCy's; empty means `spacy train`."""


@dataclass(frozen=True, slots=True)
class SpacyTrainOutcome:
    """A run that did what it should."""

    run: Path
    score: float
    """Of the best model on dev."""
    attempts: int
    notes: tuple[str, ...]


def train_spacy(
    request: SpacyTrainRequest, *, say: Callable[[str], None] = lambda _: None
) -> SpacyTrainOutcome:
    """Train, and tell the notifier how it ended, whatever that is.

    Raises:
        TrainingError: it did not succeed; the manifest says how far it came.
        CheckpointError: there is nothing to resume, or another process writes there.
        ConfigurationError, DataError, FormatError: the preflight found a fault; nothing was made.
    """
    notifier = make_notifier(request.notify)
    with told_if_it_fails(notifier, request.out.name, say):
        outcome = _supervised(request, say)
    body = f"{outcome.run}: dev score {outcome.score:.4f}, {outcome.attempts} attempt(s)"
    tell(notifier, title=f"{request.out.name}: finished", body=body, say=say)
    return outcome


def _supervised(request: SpacyTrainRequest, say: Callable[[str], None]) -> SpacyTrainOutcome:
    preflight = check(
        request.config, train=request.train, dev=request.dev, code=request.code, gpu=request.gpu
    )
    for note in preflight.notes:
        say(f"note: {note}")
    run = latest_version(request.out) if request.resume else claim_version(request.out)
    with held(run):
        supervisor = _Supervisor(request, preflight, run, say)
        supervisor.begin()
        try:
            return supervisor.work()
        except BaseException as error:
            supervisor.fail(error)
            raise


class _Supervisor:
    """One run, held by this process."""

    def __init__(
        self,
        request: SpacyTrainRequest,
        preflight: Preflight,
        run: Path,
        say: Callable[[str], None],
    ) -> None:
        self.request = request
        self.preflight = preflight
        self.run = run
        self.say = say
        self.attempts = read_attempts(run)
        self.notes = list(preflight.notes)
        self.accumulate = int(preflight.config["training"]["accumulate_gradient"])
        self.gpu: GpuWatch = watch_gpu(request.gpu)
        self.child: int | None = None
        self._inputs = {
            "config": sha256_of(request.config),
            "train": sha256_of(request.train),
            "dev": sha256_of(request.dev),
        }

    def begin(self) -> None:
        """Claim the folder, or refuse to go on with a run that is not this one."""
        before = _read_manifest(self.run) if self.request.resume else None
        if before is not None:
            self._refuse_another(before)
            self.accumulate = max([self.accumulate, *(a.accumulate for a in self.attempts)])
        else:
            shutil.copyfile(self.request.config, self.run / CONFIG_FILE)
        self._write("running")
        self.say(f"run: {self.run}")

    def work(self) -> SpacyTrainOutcome:
        """Try until it is done, or until trying again is no use."""
        if self.request.dry_run and not self.attempts:
            self._dry_run()
        point = self._resume_point() if self.attempts else None
        while True:
            attempt = self._attempt(f"{len(self.attempts) + 1:02d}", point)
            if attempt.ending == Ending.FINISHED:
                return self._finish()
            if not self._may_divide(attempt):
                raise TrainingError(f"{self.run}: {attempt.ending}: {attempt.message}")
            point = self._resume_point()

    def fail(self, error: BaseException) -> None:
        """Write down how it ended."""
        try:
            self._write(status_of(error), reason=f"{type(error).__name__}: {error}")
        except OSError as second:  # a full disk must not hide the first error
            self.say(f"warning: the manifest could not be written: {second}")

    def _dry_run(self) -> None:
        folder = self.run / ATTEMPTS_FOLDER / DRY_FOLDER
        shutil.rmtree(folder, ignore_errors=True)  # of a dry run that was interrupted
        folder.mkdir(parents=True)
        write_hard_sample(self.request.train, self.request.dev, folder)
        config = {**self.preflight.config, "training": {**self.preflight.config["training"]}}
        config["paths"] = {
            **config["paths"],
            "train": str(folder / "train.spacy"),
            "dev": str(folder / "dev.spacy"),
        }
        limits = {"max_steps": _DRY_STEPS, "max_epochs": 0, "eval_frequency": _DRY_STEPS}
        config["training"] |= {**limits, "patience": 0}
        while True:
            attempt = Attempt(folder, 0, self.accumulate)
            self._run(attempt, attempt_config(config, attempt, None))
            if attempt.ending == Ending.FINISHED:
                break
            if not self._may_divide(attempt):
                raise TrainingError(f"{self.run}: the dry run: {attempt.ending}: {attempt.message}")
            shutil.rmtree(folder / LAST, ignore_errors=True)
            attempt.progress.path.unlink(missing_ok=True)
        self._learn_from(attempt)

    def _learn_from(self, dry: Attempt) -> None:
        """Say what the dry run measured; refuse a disk that will not do."""
        model = sum(p.stat().st_size for p in (dry.folder / LAST).rglob("*") if p.is_file())
        free = shutil.disk_usage(self.run).free
        for name in (BEST, LAST):
            shutil.rmtree(dry.folder / name, ignore_errors=True)
        held_mib = "unknown" if dry.peak_bytes is None else f"{dry.peak_bytes >> 20:,} MiB"
        note = (
            f"dry run: {_DRY_STEPS} steps on the longest documents in {dry.seconds:.0f} s with "
            f"start and scoring; main memory {held_mib}, model {model >> 20:,} MiB; each batch in "
            f"{self.accumulate} part(s)"
        )
        self.notes.append(note)
        self.say(note)
        if free < _MODELS_ON_DISK * model:
            raise TrainingError(
                f"{self.run}: {free >> 20:,} MiB are free, {_MODELS_ON_DISK} models of "
                f"{model >> 20:,} MiB need more; make room"
            )

    def _attempt(self, name: str, point: ResumePoint | None) -> Attempt:
        folder = self.run / ATTEMPTS_FOLDER / name
        folder.mkdir(parents=True)
        attempt = Attempt(folder, int(name), self.accumulate)
        if point is not None:
            attempt.steps_before, attempt.epochs_before = point.steps, point.epochs
            self.say(f"attempt {name}: goes on from {point.model} after {point.steps:,} steps")
        self.attempts.append(attempt)
        self._run(attempt, attempt_config(self.preflight.config, attempt, point))
        return attempt

    def _run(self, attempt: Attempt, config: dict[str, Any]) -> None:
        """Run the child to its end; write into the attempt how that was."""
        attempt.write()
        path = attempt.folder / CONFIG_FILE
        Config(config).to_disk(path)
        trainer = self.request.trainer or (*leashed("spacy"), "train")
        command = [*trainer, str(path), "--output", str(attempt.folder)]
        command += ["--gpu-id", str(self.request.gpu)]
        if self.request.code is not None:
            command += ["--code", str(self.request.code)]
        looks = Looks(attempt, self.request.watch, self.gpu, say=self.say, notes=self.notes)
        report = run_child(
            command,
            log=attempt.folder / LOG_FILE,
            look=looks.look,
            environment={"PYTHONUNBUFFERED": "1"},
            on_start=self._started,
        )
        verdict = report.stopped or verdict_of(report.code, tail_of(attempt.folder / LOG_FILE))
        verdict = looks.last_word(verdict)
        attempt.ending, attempt.message = str(verdict.ending), verdict.message
        attempt.seconds, attempt.peak_bytes = round(report.seconds, 1), report.peak_bytes
        attempt.write()
        self.child = None
        self._write("running")
        self.say(f"attempt {attempt.folder.name}: {verdict.ending}: {verdict.message}")

    def _started(self, process: int) -> None:
        self.child = process
        self._write("running")

    def _may_divide(self, attempt: Attempt) -> bool:
        """Divide batches into twice as many parts, if that is the cure and there is some left."""
        first = int(self.preflight.config["training"]["accumulate_gradient"])
        if attempt.ending != Ending.OUT_OF_MEMORY:
            return False
        if self.accumulate >= first * 2**self.request.backoffs:
            return False
        self.accumulate *= 2
        note = f"out of memory: each batch is now divided into {self.accumulate} parts"
        self.notes.append(note)
        self.say(note)
        return True

    def _resume_point(self) -> ResumePoint | None:
        """Return the newest weights that can be read; None to begin anew."""
        for point in resume_points(self.attempts):
            try:
                spacy.load(point.model)
            except Exception as error:  # noqa: BLE001  a torn model can fail anywhere in spaCy
                self.say(f"note: {point.model} cannot be read ({type(error).__name__}); left aside")
            else:
                return point
        return None

    def _finish(self) -> SpacyTrainOutcome:
        best = best_attempt(self.attempts)
        if best is None or best.best is None or not best.best.score > 0.0:
            raise TrainingError(
                f"{self.run}: spaCy ended without an error, but no model scores above 0 on dev; "
                "look at the data and the learning rate"
            )
        self._install(best.folder / BEST, BEST)
        self._install(self.attempts[-1].folder / LAST, LAST)
        score = best.best.score
        self._write("finished", score=score)
        for attempt in self.attempts:  # their models are installed, or were not the best
            for name in (BEST, LAST):
                shutil.rmtree(attempt.folder / name, ignore_errors=True)
        return SpacyTrainOutcome(self.run, score, len(self.attempts), tuple(self.notes))

    def _install(self, model: Path, name: str) -> None:
        """Give a model its place in the run, with the user's own logger in its configuration."""
        target = self.run / name
        shutil.rmtree(target, ignore_errors=True)  # of an end that was interrupted
        shutil.copytree(model, target)
        config = load_config(target / CONFIG_FILE)
        config["training"]["logger"] = self.preflight.config["training"]["logger"]
        config.to_disk(target / CONFIG_FILE)
        try:
            spacy.load(target)
        except Exception as error:
            raise TrainingError(f"{target} cannot be loaded: {error}") from error

    def _refuse_another(self, before: dict[str, Any]) -> None:
        if before["status"] == "finished":
            raise CheckpointError(f"{self.run} is finished; leave --resume out for a new version")
        if before["inputs"] != self._inputs:
            raise CheckpointError(
                f"{self.run} was begun with another configuration or other data; leave --resume "
                "out for a new version"
            )
        child = before["process"].get("child")
        if child is not None and not is_gone(before["process"]["host"], child):
            raise CheckpointError(
                f"{self.run}: its training process {child} still runs; end it, or wait for it"
            )

    def _write(self, status: str, **facts: object) -> None:
        content = {
            "kind": "spacy",
            "status": status,
            "written": timestamp(),
            "ossamma": own_version(),
            "inputs": self._inputs,
            "files": {"train": str(self.request.train), "dev": str(self.request.dev)},
            "data": {"train": asdict(self.preflight.train), "dev": asdict(self.preflight.dev)},
            "versions": {**versions(), "spacy": version("spacy")},
            "machine": machine(),
            "process": {**own_process(), "child": self.child},
            "gpu": self.gpu.summary(),
            "attempts": [attempt.to_json() for attempt in self.attempts],
            "notes": self.notes,
            **facts,
        }
        write_json(self.run / MANIFEST, content)


def _read_manifest(run: Path) -> dict[str, Any]:
    path = run / MANIFEST
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"cannot read {path}: {error}; start a new version") from error
    assert isinstance(content, dict), "we wrote it"
    return content
