"""The study of a search: where its trials are kept, how they are drawn, and how each ended.

A trial that was interrupted (Ctrl-C, a killed process, a lost machine) is no result: the study is
told so, and its settings wait to be taken up again, in the same run folder.
"""

from __future__ import annotations

import os
import platform
import re
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import optuna
from optuna import Study, Trial
from optuna.distributions import BaseDistribution
from optuna.exceptions import ExperimentalWarning, UpdateFinishedTrialError
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner
from optuna.samplers import BaseSampler, TPESampler
from optuna.storages import BaseStorage, JournalStorage, RDBStorage, fail_stale_trials
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

from ossamma.pipeline.processes import is_gone
from ossamma.schema.errors import ConfigurationError

Pruner = Literal["median", "hyperband", "none"]
State = Literal["complete", "pruned", "failed", "interrupted", "running", "waiting"]

STUDY_FILE = "study.db"
RUN, REASON, CONTINUES, SURPLUS = "run", "reason", "continues", "surplus"
"""Attributes of a trial: its run folder's name, why it failed, which trial it takes up, and that
the study was full when it began."""
_HOST, _PROCESS = "host", "process"
_HEARTBEAT_SECONDS, _SILENCE_SECONDS = 60, 300
_LOCK_SECONDS = 120
_JOURNAL = ".journal"


@dataclass(frozen=True, slots=True)
class TrialRow:
    """How one trial ended, in plain values."""

    number: int
    state: State
    f1: float | None
    """Best dev micro-F1; of a pruned trial, the last one heard."""
    values: Mapping[str, Any]
    """What the search chose, by dimension."""
    curve: Mapping[int, float]
    """Dev micro-F1 after each epoch."""
    run: str | None
    """Name of the run folder."""
    reason: str | None
    """Why it failed."""
    seconds: float | None

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {
            "number": self.number,
            "state": self.state,
            "f1": self.f1,
            "values": dict(self.values),
            "curve": {str(epoch): f1 for epoch, f1 in sorted(self.curve.items())},
            "run": self.run,
            "reason": self.reason,
            "seconds": self.seconds,
        }


class NumberedSampler(BaseSampler):
    """TPE whose draws depend on the seed, the trial's number and the history, on nothing else.

    So a search that was interrupted draws what it would have drawn, and workers that start
    together do not draw alike. (Tree-structured Parzen estimators: Bergstra et al. 2011.)
    """

    def __init__(self, *, seed: int, num_startup: int) -> None:
        self.seed = seed
        self.num_startup = num_startup
        self._sampler = self._fresh(0)

    def _fresh(self, number: int) -> TPESampler:
        seed = int(np.random.SeedSequence([self.seed, number]).generate_state(1)[0])
        return TPESampler(seed=seed, n_startup_trials=self.num_startup)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Begin anew from the trial's number."""
        self._sampler = self._fresh(trial.number)
        self._sampler.before_trial(study, trial)

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Leave it to TPE."""
        return self._sampler.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Leave it to TPE."""
        return self._sampler.sample_relative(study, trial, search_space)

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:  # noqa: ANN401  optuna's own signature
        """Leave it to TPE."""
        return self._sampler.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(
        self,
        study: Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        """Leave it to TPE."""
        self._sampler.after_trial(study, trial, state, values)


def open_storage(place: str | None, folder: Path) -> BaseStorage:
    """Open where the trials are kept; this writes there.

    Args:
        place: the URL of a database, or FILE.journal for a folder that machines share; None is a
            SQLite file in `folder`.
        folder: the folder of the search.

    Raises:
        ConfigurationError: it cannot be opened.
    """
    if place is not None and place.endswith(_JOURNAL):
        return JournalStorage(JournalFileBackend(place))
    url = place or f"sqlite:///{folder / STUDY_FILE}"
    if not re.match(r"\w+(\+\w+)?://", url):
        raise ConfigurationError(
            f"expected the URL of a database, such as postgresql://USER@HOST/NAME, or a path that "
            f"ends in {_JOURNAL}, got {place!r}"
        )
    lock = {"connect_args": {"timeout": _LOCK_SECONDS}} if url.startswith("sqlite") else {}
    try:
        with warnings.catch_warnings():
            # The signs of life of workers; optuna calls them experimental since 2021.
            warnings.simplefilter("ignore", ExperimentalWarning)
            return RDBStorage(
                url,
                engine_kwargs=lock,
                heartbeat_interval=_HEARTBEAT_SECONDS,
                grace_period=_SILENCE_SECONDS,
            )
    except Exception as error:  # the drivers of databases have no family of errors in common
        raise ConfigurationError(f"cannot open the storage {url}: {error}") from error


def make_pruner(kind: Pruner, *, epochs: int) -> BasePruner:
    """Return what ends hopeless trials.

    The median pruner ends a trial whose best score so far is below the median of the earlier
    trials at that epoch. The first five trials are spared, and the first two fifths of the epochs,
    for early scores say little while the rates still rise. Hyperband (Li et al. 2018) lets a third
    of a bracket's trials pass on to three times as many epochs.
    """
    if kind == "median":
        return MedianPruner(n_startup_trials=5, n_warmup_steps=max(2 * epochs // 5, 1))
    if kind == "hyperband":
        return HyperbandPruner(min_resource=max(epochs // 9, 1), max_resource=epochs)
    return NopPruner()


def state_of(trial: FrozenTrial) -> State:
    """Return how a trial ended; failed without a reason means that nobody was left to give one."""
    if trial.state is TrialState.FAIL:
        return "failed" if REASON in trial.user_attrs else "interrupted"
    names: dict[TrialState, State] = {
        TrialState.COMPLETE: "complete",
        TrialState.PRUNED: "pruned",
        TrialState.RUNNING: "running",
        TrialState.WAITING: "waiting",
    }
    return names[trial.state]


def rows_of(study: Study) -> list[TrialRow]:
    """Return every trial that began, in order, but those that came when the study was full."""
    return [_row(t) for t in study.get_trials(deepcopy=False) if SURPLUS not in t.user_attrs]


def count_taken(study: Study, *, below: int | None = None) -> int:
    """Count the trials that use up the budget: all that ended by themselves, or are under way."""
    return sum(
        state_of(trial) not in ("interrupted", "waiting")
        for trial in study.get_trials(deepcopy=False)
        if SURPLUS not in trial.user_attrs and (below is None or trial.number < below)
    )


def sign_on(trial: Trial) -> None:
    """Write down who works on a trial, so that others can see when nobody does any more."""
    trial.set_user_attr(_HOST, platform.node())
    trial.set_user_attr(_PROCESS, os.getpid())


def settle(study: Study, *, alone: bool = False) -> None:
    """Mark the trials that nobody works on any more as interrupted.

    A trial is left if its process on this machine is gone, or if it gave no sign of life for five
    minutes (databases only: a journal keeps no such signs). If nobody else works on the study, so
    is one that was interrupted before its process could sign on.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        fail_stale_trials(study)
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if _is_left(trial) or (alone and _HOST not in trial.user_attrs):
            with suppress(UpdateFinishedTrialError, ValueError):  # someone else was faster
                study.tell(trial.number, state=TrialState.FAIL)


def revive(study: Study) -> int:
    """Let trials that nobody finished wait to be taken up again; return how many."""
    settle(study)
    trials = study.get_trials(deepcopy=False)
    taken_up = {trial.user_attrs.get(CONTINUES) for trial in trials}
    left = [
        trial
        for trial in trials
        if state_of(trial) == "interrupted"
        and trial.number not in taken_up
        and SURPLUS not in trial.user_attrs
    ]
    for trial in left:
        study.enqueue_trial(trial.params, user_attrs={CONTINUES: trial.number})
    return len(left)


def silence_optuna() -> None:
    """Keep optuna's own lines, one a trial, off the terminal, for this process."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def _is_left(trial: FrozenTrial) -> bool:
    host, process = trial.user_attrs.get(_HOST), trial.user_attrs.get(_PROCESS)
    is_own = host == platform.node() and process == os.getpid()
    return is_own or is_gone(host, process)


def _row(trial: FrozenTrial) -> TrialRow:
    state = state_of(trial)
    curve = dict(trial.intermediate_values)
    f1 = trial.value if state == "complete" else None
    if state == "pruned" and curve:
        f1 = curve[max(curve)]
    return TrialRow(
        number=trial.number,
        state=state,
        f1=f1,
        values=dict(trial.params),
        curve=curve,
        run=trial.user_attrs.get(RUN),
        reason=trial.user_attrs.get(REASON),
        seconds=trial.duration.total_seconds() if trial.duration else None,
    )
