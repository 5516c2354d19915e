"""Workers are processes of their own that end together; who fails is counted."""

from __future__ import annotations

import os

import pytest

from ossamma.pipeline.workers import run_workers
from ossamma.schema.errors import TrainingError
from tests.pipeline import working

pytestmark = pytest.mark.slow


def test_every_worker_works_in_its_own_process(tmp_path):
    run_workers(working.leave_a_note, [str(tmp_path)], count=2)
    notes = {path.name: int(path.read_text()) for path in tmp_path.iterdir()}
    assert set(notes) == {"0", "1"}
    assert len({*notes.values(), os.getpid()}) == 3


def test_a_worker_that_fails_is_told(tmp_path):
    with pytest.raises(TrainingError, match="1 of 2 workers ended early, with exit code 7"):
        run_workers(working.fail_if_second, [str(tmp_path)], count=2)
    assert [path.name for path in tmp_path.iterdir()] == ["0"]
