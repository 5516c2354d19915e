"""Bundles answer on documents of the user's choice; without a bundle nobody answers."""

from __future__ import annotations

import pytest

from ossamma.evaluation.resampling import ResamplingSettings
from ossamma.pipeline.judgement import GoldRequest
from ossamma.pipeline.run_judgement import compare_on_gold
from ossamma.schema.errors import CheckpointError
from tests.pipeline.run_folders import record, write_run


def test_other_documents_can_be_asked(trained):
    run = trained.request.out
    request = GoldRequest(files=(trained.request.dev, trained.request.test))
    found = compare_on_gold([run, run], request, ResamplingSettings(resamples=100))
    assert len(found) == 1
    assert found[0].comparison.micro["f1"].difference == 0.0


def test_a_run_without_a_bundle_is_refused_before_any_answers(trained, tmp_path):
    unfinished = write_run(tmp_path / "b", record(status="running"))
    request = GoldRequest(files=(tmp_path / "nowhere.conll",))
    with pytest.raises(CheckpointError, match=r"b cannot be judged.*finish the run first"):
        compare_on_gold([trained.request.out, unfinished], request)
