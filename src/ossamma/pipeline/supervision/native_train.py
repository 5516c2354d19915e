"""Trains a tagger of ours in a child process: watched, helped over faults, told of.

::

    OUT_v1/
      manifest.json       what was trained on what, every attempt, how it ended
      attempts/01/        request.json, train.log
      run/                the trainer's own run folder, with the bundle in it

What the trainer itself keeps in `run/` is exact: an attempt that goes on from a checkpoint ends
with the weights of an undisturbed run, unless memory made it divide its batches.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from ossamma.export.manifest import BUNDLE_FOLDER, own_version
from ossamma.pipeline.circumstances import machine, versions
from ossamma.pipeline.labelled import sha256_of
from ossamma.pipeline.processes import is_gone, own_process
from ossamma.pipeline.run_folder import METRICS_FILE, RUN_FILE, held, timestamp, write_json
from ossamma.pipeline.supervision.child import run_child, tail_of
from ossamma.pipeline.supervision.faults import Ending, Verdict, verdict_of
from ossamma.pipeline.supervision.gpu import GpuWatch, watch_gpu
from ossamma.pipeline.supervision.leash import leashed
from ossamma.pipeline.supervision.looks import Looks
from ossamma.pipeline.supervision.native_child import DIVERGED
from ossamma.pipeline.supervision.native_progress import MetricsProgress
from ossamma.pipeline.supervision.native_request import NativeJob, write_job
from ossamma.pipeline.supervision.notify import make_notifier, status_of, tell, told_if_it_fails
from ossamma.pipeline.supervision.progress import Evaluation
from ossamma.pipeline.supervision.versions import claim_version, latest_version
from ossamma.pipeline.supervision.watch import WatchSettings
from ossamma.schema.errors import CheckpointError, ConfigurationError, DataError, TrainingError
from ossamma.training.run_files import METRICS_LOG_FILE

MANIFEST: Final = "manifest.json"
RUN: Final = "run"
ATTEMPTS: Final = "attempts"
LOG: Final = "train.log"
_CHILD: Final = "ossamma.pipeline.supervision.native_child"
_LEAST_FREE: Final = 200 * 2**20


@dataclass(frozen=True, kw_only=True, slots=True)
class NativeTrainRequest:
    """What the user said."""

    job: NativeJob
    """Files and settings."""
    out: Path
    """`_v1`, `_v2`, ... is appended."""
    gpu: int = -1
    """Number of the GPU that is watched; -1 is none."""
    resume: bool = False
    """Go on with the newest version."""
    notify: tuple[str, ...] = ()
    """Apprise's addresses."""
    watch: WatchSettings = field(default_factory=WatchSettings)
    backoffs: int = 5
    """How often batches may be made smaller for want of memory."""
    trainer: tuple[str, ...] = ()
    """A program that takes the request's file; empty means our own."""


@dataclass(frozen=True, slots=True)
class NativeTrainOutcome:
    """A run that did what it should."""

    run: Path
    bundle: Path
    score: float
    """Micro F1 of the best model on dev."""
    attempts: int
    notes: tuple[str, ...]


@dataclass(slots=True)
class NativeAttempt:
    """One start of the training process."""

    folder: Path
    number: int
    batch_size: int
    accumulation: int
    progress: MetricsProgress
    steps_before: int = 0
    """Always 0, as `epochs_before`: the log of the run counts on over all attempts."""
    epochs_before: int = 0
    ending: str | None = None
    message: str = ""
    peak_bytes: int | None = None
    seconds: float = 0.0

    @property
    def evaluations(self) -> list[Evaluation]:
        """What is known so far."""
        return self.progress.evaluations

    def to_json(self) -> dict[str, Any]:
        """Return what a record of the run keeps."""
        names = ("number", "batch_size", "accumulation", "ending", "message", "peak_bytes")
        best = max((each.score for each in self.evaluations), default=None)
        return {
            **{name: getattr(self, name) for name in names},
            "seconds": self.seconds,
            "steps": self.progress.last_step,
            "best_score": best,
        }


def train_native(
    request: NativeTrainRequest, *, say: Callable[[str], None] = lambda _: None
) -> NativeTrainOutcome:
    """Train, and tell the notifier how it ended, whatever that is.

    Raises:
        TrainingError: it did not succeed; the manifest says how far it came.
        CheckpointError: there is nothing to resume, or another process writes there.
        ConfigurationError, DataError: a setting or a file is at fault; nothing was made.
    """
    notifier = make_notifier(request.notify)
    with told_if_it_fails(notifier, request.out.name, say):
        outcome = _supervised(request, say)
    body = f"{outcome.run}: dev F1 {outcome.score:.4f}, {outcome.attempts} attempt(s)"
    tell(notifier, title=f"{request.out.name}: finished", body=body, say=say)
    return outcome


def _supervised(request: NativeTrainRequest, say: Callable[[str], None]) -> NativeTrainOutcome:
    inputs = _checked(request)
    run = latest_version(request.out) if request.resume else claim_version(request.out)
    with held(run):
        supervisor = _Supervisor(request, inputs, run, say)
        supervisor.begin()
        try:
            return supervisor.work()
        except BaseException as error:
            supervisor.fail(error)
            raise


def _checked(request: NativeTrainRequest) -> dict[str, Any]:
    """Check what can be known before a process is started; return what makes runs the same."""
    job = request.job
    if Path(job.train).resolve() == Path(job.dev).resolve():
        raise DataError(
            f"{job.train}: training and dev file are the same; scores would mean little"
        )
    existing = next(folder for folder in (request.out, *request.out.parents) if folder.exists())
    if shutil.disk_usage(existing).free < _LEAST_FREE:
        raise ConfigurationError(
            f"less than {_LEAST_FREE >> 20} MiB are free on the disk; make room"
        )
    try:
        files = {name: sha256_of(Path(getattr(job, name))) for name in ("train", "dev")}
        init = sha256_of(Path(job.init)) if job.init else None
    except OSError as error:
        raise DataError(f"cannot read {error.filename}: {error.strerror}") from error
    return {
        **files,
        "init": init,
        "profile": job.profile,
        "table": job.table,
        "recipe": job.resolved().to_json(),
    }


class _Supervisor:
    """One run, held by this process."""

    def __init__(
        self,
        request: NativeTrainRequest,
        inputs: dict[str, Any],
        run: Path,
        say: Callable[[str], None],
    ) -> None:
        self.request = request
        self.inputs = inputs
        self.run = run
        self.say = say
        self.gpu: GpuWatch = watch_gpu(request.gpu)
        self.notes: list[str] = []
        self.done: list[dict[str, Any]] = []
        self.child: int | None = None
        training = inputs["recipe"]["training"]
        self.batch_size: int = training["batch_size"]
        self.accumulation: int = training["gradient_accumulation_steps"]

    def begin(self) -> None:
        """Take up what an earlier supervisor left, if that is this run."""
        if self.request.resume:
            before = read_manifest(self.run)
            self._refuse_another(before)
            self.done, self.notes = before["attempts"], before["notes"]
            if self.done:
                self.batch_size = self.done[-1]["batch_size"]
                self.accumulation = self.done[-1]["accumulation"]
        self._write("running")

    def work(self) -> NativeTrainOutcome:
        """Start the child until it ends well, or in a way that nothing can be done about."""
        while True:
            attempt = self._attempt()
            if attempt.ending == Ending.FINISHED:
                return self._finish()
            if not self._may_divide(attempt):
                raise TrainingError(f"{self.run}: {attempt.ending}: {attempt.message}")

    def fail(self, error: BaseException) -> None:
        """Write down how it ended."""
        try:
            self._write(status_of(error), reason=f"{type(error).__name__}: {error}")
        except (OSError, DataError) as second:  # a full disk must not hide the first error
            self.say(f"warning: the manifest could not be written: {second}")

    def _attempt(self) -> NativeAttempt:
        number = len(self.done) + 1
        folder = self.run / ATTEMPTS / f"{number:02}"
        shutil.rmtree(folder, ignore_errors=True)  # of a supervisor that was killed
        folder.mkdir(parents=True)
        progress = MetricsProgress(self.run / RUN / METRICS_LOG_FILE)
        progress.read()
        attempt = NativeAttempt(folder, number, self.batch_size, self.accumulation, progress)
        file = folder / "request.json"
        job = self.request.job.divided(self.batch_size, self.accumulation)
        resume = (self.run / RUN / RUN_FILE).is_file()
        write_job(file, job, out=self.run / RUN, resume=resume)
        if resume:
            self.say(f"attempt {number:02}: goes on in {self.run / RUN}")
        looks = Looks(attempt, self.request.watch, self.gpu, say=self.say, notes=self.notes)
        report = run_child(
            [*(self.request.trainer or leashed(_CHILD)), str(file)],
            log=folder / LOG,
            look=looks.look,
            on_start=self._started,
        )
        verdict = looks.last_word(report.stopped or native_verdict(report.code, folder / LOG))
        attempt.ending, attempt.message = str(verdict.ending), verdict.message
        attempt.seconds, attempt.peak_bytes = round(report.seconds, 1), report.peak_bytes
        self.child = None
        self.done.append(attempt.to_json())
        self._write("running")
        self.say(f"attempt {number:02}: {verdict.ending}: {verdict.message}")
        return attempt

    def _started(self, process: int) -> None:
        self.child = process
        self._write("running")

    def _may_divide(self, attempt: NativeAttempt) -> bool:
        """Make the batches smaller and the steps of as many windows, if that is the cure."""
        divided = sum(each["ending"] == Ending.OUT_OF_MEMORY for each in self.done)
        if attempt.ending != Ending.OUT_OF_MEMORY or divided > self.request.backoffs:
            return False
        if self.batch_size == 1:
            return False
        factor = 2 if self.batch_size % 2 == 0 else self.batch_size
        self.batch_size //= factor
        self.accumulation *= factor
        note = (
            f"out of memory: batches now have {self.batch_size} window(s), and a step "
            f"{self.accumulation} of them"
        )
        self.notes.append(note)
        self.say(note)
        return True

    def _finish(self) -> NativeTrainOutcome:
        metrics = json.loads((self.run / RUN / METRICS_FILE).read_text(encoding="utf-8"))
        score = float(metrics["dev"]["micro"]["f1"])
        if not score > 0.0:
            raise TrainingError(
                f"{self.run}: training ended without an error, but its model finds nothing right "
                "on dev; look at the data and the learning rate"
            )
        self._write("finished", score=score)
        return outcome_of(self.run)

    def _refuse_another(self, before: dict[str, Any]) -> None:
        if before["status"] == "finished":
            raise CheckpointError(f"{self.run} is finished; leave --resume out for a new version")
        if before["inputs"] != self.inputs:
            raise CheckpointError(
                f"{self.run} was begun with other settings or other data; leave --resume out for "
                "a new version"
            )
        child = before["process"].get("child")
        if child is not None and not is_gone(before["process"]["host"], child):
            raise CheckpointError(
                f"{self.run}: its training process {child} still runs; end it, or wait for it"
            )

    def _write(self, status: str, **facts: object) -> None:
        job = self.request.job
        content = {
            "kind": "native",
            "status": status,
            "written": timestamp(),
            "ossamma": own_version(),
            "inputs": self.inputs,
            "files": {"train": job.train, "dev": job.dev, "test": job.test},
            "versions": versions(),
            "machine": machine(),
            "process": {**own_process(), "child": self.child},
            "gpu": self.gpu.summary(),
            "watch": asdict(self.request.watch),
            "attempts": self.done,
            "notes": self.notes,
            **facts,
        }
        write_json(self.run / MANIFEST, content)


def native_verdict(code: int, log: Path) -> Verdict:
    """Judge by the exit code and the log: the native trainer itself says that it diverged."""
    text = tail_of(log)
    verdict = verdict_of(code, text)
    if code == DIVERGED and verdict.ending is Ending.CRASHED:
        return Verdict(Ending.DIVERGED, verdict.message)
    return verdict


def outcome_of(run: Path) -> NativeTrainOutcome:
    """Return what came of a run that is finished."""
    manifest = read_manifest(run)
    assert manifest["status"] == "finished"
    return NativeTrainOutcome(
        run,
        run / RUN / BUNDLE_FOLDER,
        manifest["score"],
        len(manifest["attempts"]),
        tuple(manifest["notes"]),
    )


def read_manifest(run: Path) -> dict[str, Any]:
    """Read what a supervisor has written of its run.

    Raises:
        CheckpointError: there is nothing, or it cannot be read.
    """
    path = run / MANIFEST
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"cannot read {path}: {error}; start a new version") from error
    assert isinstance(content, dict), "we wrote it"
    return content
