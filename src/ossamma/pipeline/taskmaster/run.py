"""Carries a run out, phase by phase: what is up to date is kept, what was begun goes on.

::

    RUN/
      status.json       every phase: how it stands, what went in, what came out (fingerprints)
      report.md         the run for people, with the plan's criteria ticked by measurement
      data/             the built set, unless one was given
      config/           spaCy's configuration
      models/P_v1/      the supervised training; no version is written twice
      calibrated/       the native model with calibrated confidences
      evaluation/       the report on test
      gates.json, .xml  the verdicts
      release/          the native release; package/ of the spaCy backend
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from ossamma.pipeline.processes import own_process
from ossamma.pipeline.run_folder import held, timestamp
from ossamma.pipeline.supervision.notify import make_notifier, tell, told_if_it_fails
from ossamma.pipeline.taskmaster.fingerprints import changed, of_paths
from ossamma.pipeline.taskmaster.lineage import upstream
from ossamma.pipeline.taskmaster.phases import NEEDS, Phase, phase_named, phases_of
from ossamma.pipeline.taskmaster.plan import RunPlan
from ossamma.pipeline.taskmaster.run_report import write_run_report
from ossamma.pipeline.taskmaster.status import (
    PhaseRecord,
    PhaseState,
    RunStatus,
    read_status,
)
from ossamma.pipeline.taskmaster.work import Made, Work, Worker
from ossamma.schema.errors import CheckpointError, ConfigurationError, DataError


@dataclass(frozen=True, kw_only=True, slots=True)
class RunRequest:
    """Which phases of which run."""

    plan: RunPlan
    """All options."""
    out: Path
    """The run folder."""
    first: str | None = None
    """Phases before this one are not made, only checked."""
    last: str | None = None
    """Phases after this one are left."""


def carry_out(
    request: RunRequest,
    workers: Mapping[Phase, Worker],
    *,
    say: Callable[[str], None] = lambda _: None,
) -> RunStatus:
    """Make every phase that is due, and tell the notifier how it ended, whatever that is.

    Raises:
        CheckpointError: the folder is another run's, another process works there, or a phase
            before `first` is not up to date.
        OssammaError, OSError: what a phase raises; status.json has it, too.
    """
    plan, name = request.plan, request.out.name
    notifier = make_notifier(plan.notify)
    with told_if_it_fails(notifier, name, say):
        status = _carried(request, workers, say)
    said = {phase: status.of(phase) for phase in phases_of(plan.backend)}
    refused = any(record.state is PhaseState.REFUSED for record in said.values())
    body = "\n".join(f"{p}: {r.state}: {r.message}" for p, r in said.items())
    title = f"{name}: {'refused' if refused else 'finished'}"
    tell(notifier, title=title, body=body, say=say)
    return status


def _carried(
    request: RunRequest, workers: Mapping[Phase, Worker], say: Callable[[str], None]
) -> RunStatus:
    backend = request.plan.backend
    order = phases_of(backend)
    first = order.index(phase_named(request.first, backend)) if request.first else 0
    last = order.index(phase_named(request.last, backend)) if request.last else len(order) - 1
    if first > last:
        raise ConfigurationError(
            f"--from {request.first} comes after --to {request.last}; the order is "
            f"{', '.join(order)}"
        )
    with held(request.out):
        run = _Run(request, workers, say)
        try:
            for number, phase in enumerate(order[: last + 1]):
                if not run.step(phase, may_make=number >= first):
                    break
        finally:
            run.report()
        return run.status


class _Run:
    """A run that is held by this process."""

    def __init__(
        self,
        request: RunRequest,
        workers: Mapping[Phase, Worker],
        say: Callable[[str], None],
    ) -> None:
        self.plan = request.plan
        self.folder = request.out
        self.workers = workers
        self.say = say
        before = read_status(request.out)
        if before is None:
            _refuse_strangers(request.out)
        elif (before.profile, before.backend) != (self.plan.profile, self.plan.backend):
            raise CheckpointError(
                f"{request.out} is a run of the profile {before.profile} with the backend "
                f"{before.backend}; choose another folder"
            )
        self.status = RunStatus(
            profile=self.plan.profile,
            backend=self.plan.backend,
            plan=self.plan.to_json(),
            phases=before.phases if before else {},
        )
        self.status.write(self.folder)

    def step(self, phase: Phase, *, may_make: bool) -> bool:
        """Make a phase if it is due; return whether the run goes on."""
        record = self.status.seen(phase)
        work = self._work(phase)
        inputs = {**self.workers[phase].inputs(work), **upstream(self.status, phase)}
        why = self._why_due(record, inputs)
        if not why:
            self.say(f"{phase}: up to date: {record.message}")
            return True
        if not may_make:
            raise CheckpointError(
                f"{self.folder}: the phase {phase} is not up to date ({why}); leave --from out, or "
                f"begin with --from {phase}"
            )
        ended = PhaseState.DONE, PhaseState.REFUSED
        resume = record.inputs == inputs and record.state not in ended
        self.say(f"{phase}: {why}")
        return self._make(phase, replace(work, resume=resume), inputs)

    def report(self) -> None:
        """Write the report; that it cannot be written must not hide what went wrong before."""
        try:
            path = write_run_report(self.folder, self.status)
        except (OSError, DataError) as error:
            self.say(f"warning: the report could not be written: {error}")
        else:
            self.say(f"report: {path}")

    def _make(self, phase: Phase, work: Work, inputs: Mapping[str, str]) -> bool:
        record = PhaseRecord(
            state=PhaseState.RUNNING, inputs=inputs, started=timestamp(), process=own_process()
        )
        self._note(phase, record)
        begin = time.monotonic()
        try:
            made = self.workers[phase].make(work)
            done = self._ended(record, made)
        except BaseException as error:
            interrupted = isinstance(error, KeyboardInterrupt | SystemExit)
            state = PhaseState.INTERRUPTED if interrupted else PhaseState.FAILED
            message = f"{type(error).__name__}: {error}"
            seconds = round(time.monotonic() - begin, 1)
            failed = replace(
                record, state=state, message=message, ended=timestamp(), seconds=seconds
            )
            self.status = self.status.with_phase(phase, failed)
            with suppress(OSError, DataError):  # a full disk must not hide the first error
                self.status.write(self.folder)
            self.say(f"{phase}: {state}: {message}")
            raise
        done = replace(done, seconds=round(time.monotonic() - begin, 1))
        self._note(phase, done)
        self.say(f"{phase}: {done.state}: {done.message}")
        return done.state is PhaseState.DONE

    def _ended(self, record: PhaseRecord, made: Made) -> PhaseRecord:
        return replace(
            record,
            state=PhaseState.REFUSED if made.refused else PhaseState.DONE,
            outputs={name: self._relative(path) for name, path in made.outputs.items()},
            made=of_paths(made.outputs),
            facts=made.facts,
            message=made.message,
            ended=timestamp(),
        )

    def _why_due(self, record: PhaseRecord, inputs: Mapping[str, str]) -> str:
        """Say why a phase must be made; empty if it need not."""
        if record.state is PhaseState.WAITING:
            return "is made"
        if record.state is not PhaseState.DONE:
            return f"is made again: it was {record.state}"
        if names := changed(record.inputs, inputs):
            return f"is made again: changed since: {', '.join(names)}"
        now = of_paths({name: self._absolute(path) for name, path in record.outputs.items()})
        if names := changed(record.made, now):
            return f"is made again: missing or not as it was made: {', '.join(names)}"
        return ""

    def _work(self, phase: Phase) -> Work:
        needs = NEEDS[self.plan.backend][phase]
        # Of a model's facts the judge wants those of its training, however many phases ago.
        known = {each: self.status.of(each) for each in phases_of(self.plan.backend)}
        return Work(
            plan=self.plan,
            run=self.folder,
            outputs={
                each: {name: self._absolute(path) for name, path in known[each].outputs.items()}
                for each in needs
            },
            facts={each: record.facts for each, record in known.items()},
            say=self.say,
        )

    def _note(self, phase: Phase, record: PhaseRecord) -> None:
        self.status = self.status.with_phase(phase, record)
        self.status.write(self.folder)

    def _relative(self, path: Path) -> str:
        """Return a path within the run relative to it, so that a run may move; else as it is."""
        absolute, run = path.resolve(), self.folder.resolve()
        return (
            absolute.relative_to(run).as_posix() if absolute.is_relative_to(run) else str(absolute)
        )

    def _absolute(self, path: str) -> Path:
        return self.folder / path  # an absolute path stays as it is


def _refuse_strangers(out: Path) -> None:
    """Refuse a folder that holds something else. The lock is ours."""
    if any(path.name != "lock" for path in out.iterdir()):
        raise CheckpointError(
            f"{out} is not empty, and no run of `ossamma run`; choose another folder"
        )
