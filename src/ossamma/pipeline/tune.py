"""`tune`: a search over settings, each trial an ordinary training run in its own folder.

::

    OUT/
      study.db          all trials, for optuna (elsewhere with `storage`)
      trials/007/       the run folder of trial 7; its checkpoints are dropped when it is done
      best.yaml         the recipe of the best trial, for `ossamma train --recipe`
      study.json        all trials in plain JSON
      study.html        the same as plots, in one file
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import get_args

import optuna
from optuna import Study, Trial
from optuna.exceptions import TrialPruned
from optuna.trial import FrozenTrial
from rich.console import Console

from ossamma.pipeline.run_family import RunFamily, refuse_other
from ossamma.pipeline.run_folder import RUN_FILE
from ossamma.pipeline.search_space import SearchSpace
from ossamma.pipeline.study import (
    CONTINUES,
    REASON,
    RUN,
    SURPLUS,
    NumberedSampler,
    Pruner,
    TrialRow,
    count_taken,
    make_pruner,
    open_storage,
    revive,
    rows_of,
    settle,
    sign_on,
    silence_optuna,
)
from ossamma.pipeline.study_report import (
    BEST_FILE,
    best_of,
    importances_of,
    trial_line,
    write_recipe,
    write_report,
)
from ossamma.pipeline.train_run import train
from ossamma.pipeline.workers import run_workers
from ossamma.schema.errors import CheckpointError, ConfigurationError, TrainingError
from ossamma.training.run_files import CHECKPOINTS_FOLDER

TRIALS_FOLDER = "trials"
_IDENTITY = "identity"
_HOPELESS = 5
_AT_LEAST_1 = ("trials", "workers")


@dataclass(frozen=True, kw_only=True, slots=True)
class TuneRequest:
    """What to search, how long, and where it goes."""

    family: RunFamily
    """The options that all trials share; `assignments` and the recipe are the starting point."""
    space: SearchSpace
    """What is turned, and how far."""
    out: Path
    """The folder of the search."""
    trials: int = 20
    """Trials in all, those of earlier calls and of other machines included."""
    workers: int = 1
    """Processes on this machine."""
    storage: str | None = None
    """URL of a database, or FILE.journal, that machines share; None: a SQLite file in `out`."""
    name: str | None = None
    """Name of the study in the storage; None: the name of `out`."""
    pruner: Pruner = "median"
    """What ends hopeless trials."""
    seed: int = 1
    """Decides what is drawn. The seed of the training runs is training.seed."""

    def __post_init__(self) -> None:
        for name in _AT_LEAST_1:
            if getattr(self, name) < 1:
                raise ConfigurationError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.seed < 0:
            raise ConfigurationError(f"seed must be at least 0, got {self.seed}")
        if self.pruner not in get_args(Pruner):
            raise ConfigurationError(
                f"pruner must be one of {', '.join(get_args(Pruner))}, got {self.pruner!r}"
            )

    @property
    def study_name(self) -> str:
        """The name of the study in the storage."""
        return self.name or self.out.resolve().name


@dataclass(frozen=True, slots=True)
class TuneOutcome:
    """What came of a search. `best` is None if no trial came to its end."""

    trials: tuple[TrialRow, ...]
    best: TrialRow | None
    importances: Mapping[str, float] = field(default_factory=dict)
    recipe: Path | None = None
    """The best recipe as a file."""


def tune(request: TuneRequest, console: Console | None = None) -> TuneOutcome:
    """Search, or go on with the search in the folder, until there are `trials` trials.

    The first trial is the starting point itself, if it lies in the space. Whatever ends the
    search, the report on what is finished is written.

    Raises:
        CheckpointError: the folder holds a search with other options or files.
        ConfigurationError, DataError, FormatError, ProfileError: no trial could start.
        TrainingError: a worker died, or no trial succeeds.
        KeyboardInterrupt: after the report was written.
    """
    _, _, warnings = request.family.read()
    for line in warnings:
        _say(console, f"warning: {line}", "yellow")
    _make_folder(request.out)
    study = _open(request)
    _prepare(request, study, console)
    try:
        if count_taken(study) < request.trials:
            if request.workers > 1:
                run_workers(_work, [request, console is not None], count=request.workers)
            else:
                run_trials(request, console, bars=True)
    finally:
        settle(study, alone=request.storage is None)
        outcome = _report(request, study)
    return outcome


def run_trials(request: TuneRequest, console: Console | None, *, bars: bool) -> None:
    """Run trials until the study is full. `bars` draws the progress of each training run.

    Raises:
        TrainingError: the first trials all failed.
    """
    study = _open(request)
    objective = partial(_objective, request, console if bars else None)
    while count_taken(study) < request.trials:
        study.optimize(
            objective,
            n_trials=1,
            # A trial that fails is a result: these settings do not work. The reason is kept.
            catch=(Exception,),
            callbacks=[partial(_after_trial, request, console)],
        )


def _work(worker: int, request: TuneRequest, show: bool) -> None:  # noqa: FBT001  a process's entry
    del worker
    silence_optuna()
    run_trials(request, Console(stderr=True) if show else None, bars=False)


def _make_folder(out: Path) -> None:
    try:
        (out / TRIALS_FOLDER).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CheckpointError(f"cannot make the folder {out}: {error.strerror}") from error


def _open(request: TuneRequest) -> Study:
    epochs = request.family.recipe().training.epochs
    # Half of a usual search at random would be a waste: a quarter, but enough to learn from.
    startup = min(max(request.trials // 4, 4), 10)
    return optuna.create_study(
        study_name=request.study_name,
        storage=open_storage(request.storage, request.out),
        load_if_exists=True,
        direction="maximize",
        sampler=NumberedSampler(seed=request.seed, num_startup=startup),
        pruner=make_pruner(request.pruner, epochs=epochs),
    )


def _prepare(request: TuneRequest, study: Study, console: Console | None) -> None:
    """Check that the study is this one, or begin it; let interrupted trials wait."""
    family, space = request.family, request.space
    now = {
        **family.identity(),
        "fixed": dict(space.fixed),
        "space": {d.name: [list(d.sets), repr(d.distribution)] for d in space.dimensions},
    }
    before = study.user_attrs.get(_IDENTITY)
    if before is None:
        study.set_user_attr(_IDENTITY, now)
        start = space.values_of(family.recipe(space.assignments({})))
        if start is None:
            _say(console, "the recipe's own settings lie outside of the space: not tried", "yellow")
        else:
            study.enqueue_trial(start)
        return
    refuse_other(before, now, what=f"the study {study.study_name!r}")
    again = revive(study)
    taken = count_taken(study)
    _say(console, f"{taken} of {request.trials} trials are there, {again} to be taken up again")


def _objective(request: TuneRequest, console: Console | None, trial: Trial) -> float:
    """Train with the settings that the trial draws; return the best dev micro-F1."""
    if count_taken(trial.study, below=trial.number) >= request.trials:
        trial.set_user_attr(SURPLUS, value=True)  # another machine was a moment faster
        raise TrialPruned
    sign_on(trial)
    try:
        return _train(request, console, trial)
    except TrialPruned:
        raise
    except Exception as error:
        trial.set_user_attr(REASON, f"{type(error).__name__}: {error}")
        raise


def _train(request: TuneRequest, console: Console | None, trial: Trial) -> float:
    values = request.space.suggest(trial)
    heard = _take_up(trial)
    folder = request.out / TRIALS_FOLDER / trial.user_attrs[RUN]
    run = request.family.request(
        folder,
        request.space.assignments(values),
        resume=(folder / RUN_FILE).is_file(),
    )
    is_pruned = False

    def watch(epoch: int, scores: Mapping[str, float]) -> bool:
        nonlocal is_pruned
        if epoch not in heard:
            trial.report(scores["f1"], epoch)
        # After the last epoch there is nothing left to save.
        is_pruned = epoch < run.recipe.training.epochs and bool(trial.should_prune())
        return is_pruned

    outcome = train(run, console, watch=watch)
    shutil.rmtree(folder / CHECKPOINTS_FOLDER, ignore_errors=True)  # many, and of no more use
    if is_pruned:
        raise TrialPruned
    return outcome.result.best_f1


def _take_up(trial: Trial) -> set[int]:
    """Name the trial's run folder; replay what the trial heard that this one takes up."""
    trials: list[FrozenTrial] = trial.study.get_trials(deepcopy=False)
    number = trial.user_attrs.get(CONTINUES)
    earlier = None if number is None else trials[number]
    known = earlier.user_attrs.get(RUN) if earlier else None
    trial.set_user_attr(RUN, known or f"{trial.number:03}")
    heard = earlier.intermediate_values if earlier else {}
    for epoch, f1 in heard.items():
        trial.report(f1, epoch)
    return set(heard)


def _after_trial(
    request: TuneRequest, console: Console | None, study: Study, trial: FrozenTrial
) -> None:
    """Tell how a trial ended; give up if none succeeds."""
    rows = rows_of(study)
    row = next((row for row in rows if row.number == trial.number), None)
    if row is not None:
        _say(console, trial_line(row, rows, total=request.trials), _STYLES.get(row.state))
    ended = [row for row in rows if row.state in ("complete", "pruned", "failed")]
    if len(ended) >= _HOPELESS and all(row.state == "failed" for row in ended):
        raise TrainingError(
            f"the first {len(ended)} trials all failed; the last: {ended[-1].reason}"
        )


_STYLES: Mapping[str, str] = {"failed": "red", "pruned": "dim"}


def _report(request: TuneRequest, study: Study) -> TuneOutcome:
    rows = rows_of(study)
    best = best_of(rows)
    importances = importances_of(study)
    recipe = None
    if best is not None:
        recipe = request.out / BEST_FILE
        found = request.family.recipe(request.space.assignments(best.values))
        write_recipe(recipe, found, name=request.study_name, best=best)
    content = {
        "name": request.study_name,
        "space": request.space.source,
        "trials_wanted": request.trials,
        "pruner": request.pruner,
        "seed": request.seed,
        "best": best.number if best else None,
        "importances": importances,
        "trials": [row.to_json() for row in rows],
    }
    write_report(request.out, content, request.space)
    return TuneOutcome(tuple(rows), best, importances, recipe)


def _say(console: Console | None, line: str, style: str | None = None) -> None:
    if console is not None:
        console.print(line, style=style, markup=False, highlight=False, soft_wrap=True)
