"""Draws depend on the number of the trial; what nobody finished waits, what is taken counts."""

from __future__ import annotations

import pytest
from optuna import create_study
from optuna.exceptions import TrialPruned
from optuna.pruners import HyperbandPruner, MedianPruner, NopPruner
from optuna.trial import TrialState

from ossamma.pipeline.study import (
    CONTINUES,
    REASON,
    NumberedSampler,
    count_taken,
    make_pruner,
    open_storage,
    revive,
    rows_of,
    settle,
    state_of,
)
from ossamma.schema.errors import ConfigurationError


def new_study(storage=None, *, seed=1, startup=3):
    return create_study(
        study_name="s",
        storage=storage,
        load_if_exists=True,
        direction="maximize",
        sampler=NumberedSampler(seed=seed, num_startup=startup),
    )


def parabola(trial):
    x = trial.suggest_float("x", 0.0, 1.0)
    y = trial.suggest_categorical("y", ["a", "b"])
    return -((x - 0.3) ** 2) + (y == "b")


def drawn(study):
    return [trial.params for trial in study.trials]


def test_a_study_in_parts_draws_what_it_draws_at_once(tmp_path):
    whole = new_study()
    whole.optimize(parabola, 12)
    for part in (1, 4, 7):
        study = new_study(open_storage(None, tmp_path))
        study.optimize(parabola, part)
    assert drawn(study) == drawn(whole)
    other = new_study(seed=2)
    other.optimize(parabola, 12)
    assert drawn(other) != drawn(whole)


def test_workers_that_start_together_do_not_draw_alike():
    study = new_study()
    trials = [study.ask() for _ in range(4)]
    assert len({trial.suggest_float("x", 0.0, 1.0) for trial in trials}) == 4


def test_after_the_start_the_sampler_has_learnt():
    """TPE draws near what was good: far more often than chance above the median of random."""
    study = new_study(startup=5)
    study.optimize(parabola, 40)
    late = [trial.value for trial in study.trials[20:]]
    early = sorted(trial.value for trial in study.trials[:5])
    assert sum(value > early[2] for value in late) > 15


def failing(trial):
    trial.suggest_float("x", 0.0, 1.0)
    trial.set_user_attr(REASON, "broken")
    raise ValueError


def pruned(trial):
    trial.suggest_float("x", 0.0, 1.0)
    trial.report(0.25, 1)
    raise TrialPruned


def test_rows_tell_how_each_trial_ended():
    study = new_study()
    study.optimize(parabola, 1)
    study.optimize(failing, 1, catch=(ValueError,))
    study.optimize(pruned, 1)
    with pytest.raises(KeyboardInterrupt):
        study.optimize(interrupt, 1)
    study.ask()
    rows = rows_of(study)
    states = ["complete", "failed", "pruned", "interrupted", "running"]
    assert [row.state for row in rows] == states
    assert rows[0].f1 == study.trials[0].value
    assert (rows[1].reason, rows[1].f1) == ("broken", None)
    assert (rows[2].f1, rows[2].curve) == (0.25, {1: 0.25})
    assert count_taken(study) == 4, "all but the interrupted one"
    assert count_taken(study, below=2) == 2


def interrupt(trial):
    trial.suggest_float("x", 0.0, 1.0)
    raise KeyboardInterrupt


def test_what_was_interrupted_waits_once():
    study = new_study()
    with pytest.raises(KeyboardInterrupt):
        study.optimize(interrupt, 1)
    study.optimize(failing, 1, catch=(ValueError,))
    assert revive(study) == 1
    assert revive(study) == 0
    waiting = study.ask()
    assert waiting.user_attrs[CONTINUES] == 0
    assert waiting.suggest_float("x", 0.0, 1.0) == study.trials[0].params["x"]


def test_a_trial_under_way_elsewhere_is_left_alone():
    study = new_study()
    for host in ("another-machine", None):
        trial = study.ask()
        trial.suggest_float("x", 0.0, 1.0)
        if host:
            trial.set_user_attr("host", host)
            trial.set_user_attr("process", 1)
    assert revive(study) == 0
    assert {trial.state for trial in study.trials} == {TrialState.RUNNING}


def test_what_was_interrupted_before_it_signed_on_is_left_where_nobody_else_works():
    study = new_study()
    study.ask()
    settle(study)
    assert state_of(study.trials[0]) == "running"
    settle(study, alone=True)
    assert state_of(study.trials[0]) == "interrupted"


@pytest.mark.parametrize("place", [None, "sqlite", "journal"])
def test_every_storage_keeps_trials(tmp_path, place):
    url = {"sqlite": f"sqlite:///{tmp_path}/o.db", "journal": f"{tmp_path}/o.journal"}.get(place)
    new_study(open_storage(url, tmp_path)).optimize(parabola, 2)
    assert len(new_study(open_storage(url, tmp_path)).trials) == 2


@pytest.mark.parametrize("place", ["somewhere", "nosuchdatabase://host/x", "sqlite:////no/where/x"])
def test_a_storage_that_cannot_be_opened(tmp_path, place):
    with pytest.raises(ConfigurationError):
        open_storage(place, tmp_path)


def test_pruners():
    assert isinstance(make_pruner("median", epochs=8), MedianPruner)
    assert isinstance(make_pruner("hyperband", epochs=9), HyperbandPruner)
    assert isinstance(make_pruner("none", epochs=8), NopPruner)


@pytest.mark.parametrize("kind", ["median", "hyperband"])
def test_a_pruner_ends_what_is_hopeless_and_spares_what_is_good(kind):
    study = create_study(study_name="s", direction="maximize", pruner=make_pruner(kind, epochs=9))

    def curve(trial):
        level = 0.0 if trial.number % 2 else 0.9
        for epoch in range(1, 10):
            trial.report(level + epoch / 100, epoch)
            if trial.should_prune():
                raise TrialPruned
        return level

    study.optimize(curve, 30)
    ended = {t.number % 2 for t in study.trials if t.state is TrialState.PRUNED}
    assert 1 in ended
    if kind == "median":
        assert ended == {1}
