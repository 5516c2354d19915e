"""The demonstration ends with a run folder that can be used at once."""

from __future__ import annotations

import pytest

import ossamma
from ossamma.data.demo_corpus import DemoSizes
from ossamma.data.readers.jsonl import read_jsonl
from ossamma.export.manifest import verify
from ossamma.pipeline.demo import SETTINGS, run_demo
from ossamma.pipeline.recipe import build_recipe
from ossamma.schema.errors import CheckpointError
from tests import tiny

pytestmark = pytest.mark.e2e
SIZES = DemoSizes(train=12, dev=6, test=6)


def demo(out, **options):
    return run_demo(out, **{"seed": 1, "sizes": SIZES, "settings": tiny.ASSIGNMENTS, **options})


def test_the_folder_itself_is_the_run(tmp_path):
    outcome = demo(tmp_path / "demo")
    assert outcome.bundle == tmp_path / "demo" / "bundle"
    assert len(ossamma.load(tmp_path / "demo").types) == 9
    assert read_jsonl(tmp_path / "demo" / "corpus" / "test.jsonl").report.documents == 6
    assert outcome.test.num_documents == 6


def test_it_replaces_only_itself_and_only_when_asked(tmp_path):
    out = tmp_path / "demo"
    first = verify(demo(out).bundle)["checksum"]
    with pytest.raises(CheckpointError, match="is not empty"):
        demo(out)
    assert verify(demo(out, overwrite=True, seed=2).bundle)["checksum"] != first
    (out / "thesis.txt").write_text("years of work")
    with pytest.raises(CheckpointError, match=r"holds thesis\.txt"):
        demo(out, overwrite=True)
    assert (out / "bundle").is_dir()


def test_a_demonstration_that_died_early_can_be_replaced(tmp_path):
    (tmp_path / "demo" / "corpus").mkdir(parents=True)
    with pytest.raises(CheckpointError, match=r"cannot make .*corpus.* --overwrite"):
        demo(tmp_path / "demo")
    demo(tmp_path / "demo", overwrite=True)


def test_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(CheckpointError, match="is not empty"):
        demo(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_its_own_settings_exist():
    assert build_recipe(assignments=SETTINGS).model["hidden_size"] == 128
