"""A checkpoint is complete or not there."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ossamma.schema.errors import CheckpointError
from ossamma.training.averaging import WeightAverage
from ossamma.training.checkpoints import (
    AVERAGE_FILE,
    SEAL_FILE,
    Progress,
    checkpoint_folder,
    latest_checkpoint,
    open_checkpoint,
    prune_checkpoints,
    seal_checkpoint,
)

PROGRESS = Progress(step=7, epoch=1.5, best_f1=0.25, best_epoch=1.0, average_updates=3)


def average(value: float) -> WeightAverage:
    model = nn.Linear(2, 1)
    nn.init.constant_(model.weight, value)
    made = WeightAverage(model, 0.5)
    made.num_updates = 3
    return made


def unsealed(folder, step):
    """What the Trainer leaves when it dies before its callbacks run."""
    made = checkpoint_folder(folder, step)
    made.mkdir()
    (made / "model.safetensors").write_bytes(b"weights")
    return made


def sealed(folder, step, kept=None):
    made = unsealed(folder, step)
    seal_checkpoint(made, kept, PROGRESS)
    return made


def test_a_sealed_checkpoint_gives_everything_back(tmp_path):
    made = sealed(tmp_path, 7, average(0.125))
    restored = average(0.0)
    restored.num_updates = 0
    assert open_checkpoint(made, restored) == PROGRESS
    assert restored.num_updates == 3
    assert torch.equal(restored.state()["weight"], average(0.125).state()["weight"])


def test_a_checkpoint_without_average_is_opened_without_one(tmp_path):
    assert open_checkpoint(sealed(tmp_path, 7), None) == PROGRESS


def test_the_newest_sealed_checkpoint_counts(tmp_path):
    sealed(tmp_path, 9)
    ten = sealed(tmp_path, 10)
    unsealed(tmp_path, 11)
    assert latest_checkpoint(tmp_path) == ten


def test_unsealed_folders_alone_are_no_checkpoint(tmp_path):
    unsealed(tmp_path, 11)
    assert latest_checkpoint(tmp_path) is None


def test_a_missing_folder_has_no_checkpoint(tmp_path):
    assert latest_checkpoint(tmp_path / "nowhere") is None


@pytest.mark.parametrize("name", ["checkpoint-", "checkpoint-best", "checkpoint-1-old", "other-1"])
def test_other_names_are_left_alone(tmp_path, name):
    (tmp_path / name).mkdir()
    (tmp_path / name / SEAL_FILE).write_text("{}")
    assert latest_checkpoint(tmp_path) is None
    prune_checkpoints(tmp_path, keep=1)
    assert (tmp_path / name).is_dir()


def test_pruning_keeps_the_newest_sealed_ones(tmp_path):
    for step in (2, 9, 10, 100):
        sealed(tmp_path, step)
    unsealed(tmp_path, 3)
    unsealed(tmp_path, 101)
    prune_checkpoints(tmp_path, keep=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-10", "checkpoint-100"]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"step": 1, "unknown": 2}', "\xff"])
def test_a_seal_that_is_none_is_refused(tmp_path, content):
    made = sealed(tmp_path, 7)
    (made / SEAL_FILE).write_text(content, encoding="latin-1")
    with pytest.raises(CheckpointError, match="is not the seal of a checkpoint"):
        open_checkpoint(made, None)


def test_a_checkpoint_that_lacks_the_average_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="average_decay = 0"):
        open_checkpoint(sealed(tmp_path, 7), average(0.0))


def test_a_damaged_average_is_refused(tmp_path):
    made = sealed(tmp_path, 7, average(1.0))
    (made / AVERAGE_FILE).write_bytes(b"no safetensors")
    with pytest.raises(CheckpointError, match="damaged"):
        open_checkpoint(made, average(0.0))
