"""`ossamma info` shows what a bundle is after checking every byte of it."""

from __future__ import annotations

import json
import shutil

import pytest

from ossamma.export.manifest import verify


def test_json_is_the_metadata(ossamma, trained):
    result = ossamma("info", trained.request.out, "--json")
    bundle = trained.outcome.bundle
    wanted = {"path": str(bundle), **verify(bundle), "calibration": None}
    assert json.loads(result.stdout) == wanted


def test_people_see_types_scores_and_hash(ossamma, trained):
    result = ossamma("info", trained.outcome.bundle)
    assert result.exit_code == 0
    metadata = verify(trained.outcome.bundle)
    for shown in (
        "5 files verified",
        "OssammaNER",
        "PERSON, PLACE",
        f"{metadata['val_f1']:.4f}",
        f"{trained.outcome.test.micro.f1:.4f} over 8 documents",
        metadata["checksum"],
    ):
        assert shown in result.stdout


@pytest.mark.parametrize("name", ["metadata.json", "model.safetensors"])
def test_a_damaged_bundle_ends_with_2(ossamma, trained, tmp_path, name):
    shutil.copytree(trained.outcome.bundle, tmp_path / "b")
    content = bytearray((tmp_path / "b" / name).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "b" / name).write_bytes(content)
    result = ossamma("info", "b")
    assert (result.exit_code, result.stdout) == (2, "")
    assert name in result.stderr


def test_an_unfinished_run_is_told_apart(ossamma, tmp_path):
    (tmp_path / "run").mkdir()
    result = ossamma("info", "run")
    assert result.exit_code == 2
    assert "a run has its bundle in bundle when it has finished" in result.stderr
