"""The log of figures holds every step once, whatever happened to the process."""

from __future__ import annotations

import json

from transformers import TrainerControl, TrainerState, TrainingArguments

from ossamma.training.metrics_log import MetricsLog


def write(log, tmp_path, *steps):
    for step in steps:
        state = TrainerState(global_step=step, epoch=step / 10)
        arguments = TrainingArguments(output_dir=str(tmp_path), report_to=[], use_cpu=True)
        log.on_log(arguments, state, TrainerControl(), logs={"loss": step / 2})


def steps_in(path):
    return [json.loads(line)["step"] for line in path.read_text().splitlines()]


def test_a_line_holds_step_epoch_time_and_figures(tmp_path):
    path = tmp_path / "metrics.jsonl"
    write(MetricsLog(path), tmp_path, 3)
    line = json.loads(path.read_text())
    assert line.pop("time") > 1.6e9
    assert line == {"step": 3, "epoch": 0.3, "loss": 1.5}


def test_a_second_log_appends(tmp_path):
    path = tmp_path / "metrics.jsonl"
    write(MetricsLog(path), tmp_path, 1, 2)
    write(MetricsLog(path), tmp_path, 3)
    assert steps_in(path) == [1, 2, 3]


def test_forgetting_leaves_what_will_not_be_done_again(tmp_path):
    path = tmp_path / "metrics.jsonl"
    log = MetricsLog(path)
    write(log, tmp_path, 1, 2, 3, 4)
    log.forget_after(2)
    assert steps_in(path) == [1, 2]
    write(log, tmp_path, 3)
    assert steps_in(path) == [1, 2, 3]


def test_a_torn_last_line_is_dropped(tmp_path):
    path = tmp_path / "metrics.jsonl"
    log = MetricsLog(path)
    write(log, tmp_path, 1)
    with path.open("ab") as file:
        file.write(b'{"step": 1, "loss": 0.\xc3')
    log.forget_after(5)
    assert steps_in(path) == [1]


def test_forgetting_without_a_log_makes_none(tmp_path):
    MetricsLog(tmp_path / "metrics.jsonl").forget_after(0)
    assert list(tmp_path.iterdir()) == []
