"""The recipe of the default model, on a thousandth of its data and with a model of no size."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

MIRROR = os.environ.get("OSSAMMA_MIRROR")
RECIPE = Path(__file__).parents[2] / "recipes" / "default"
POLICY = """
name: rag9
licences: [yes]
sources:
  - card: wnut17
    max_documents: 400
"""
TEXTS = """
licences: [yes, share-alike]
sources:
  - name: labelled
    path: built/rag9/train.jsonl
    format: text_json
    redistributable: yes
    min_words: 5
  - {card: text_nltk_inaugural, weight: 0.5}
"""
SMALL = {
    "model": {
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "num_oscillators": 4,
        "time_dimension": 4,
        "word_feature_width": 4,
    },
    "pretraining": {"max_seconds": 0, "max_steps": 4, "evaluate_every": 4, "batch_pieces": 512},
    "tokenizer": {"vocab_size": 500},
}

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.data,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not MIRROR, reason="needs the real data sets: OSSAMMA_MIRROR is not set"),
]


def shrink(path: Path, changes: dict[str, dict[str, object]]) -> None:
    """Change some settings of a recipe, and no other."""
    content = yaml.safe_load(path.read_text())
    for section, values in changes.items():
        content[section] = {**content.get(section, {}), **values}
    path.write_text(yaml.safe_dump(content))


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    folder = tmp_path / "recipe"
    shutil.copytree(RECIPE, folder)
    (folder / "build.yaml").write_text(POLICY)
    (folder / "texts.yaml").write_text(TEXTS)
    shrink(folder / "pretrain.yaml", SMALL)
    shrink(folder / "finetune.yaml", {"training": {"epochs": 1}})
    return folder


def build(recipe: Path, work: Path) -> subprocess.CompletedProcess[str]:
    folder = Path(sys.executable).parent
    return subprocess.run(
        [str(recipe / "build.sh"), str(work), "--offline"],
        env={**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_script_goes_from_the_catalog_to_a_release_once(recipe: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    done = build(recipe, work)
    assert done.returncode == 0, done.stderr
    metadata = json.loads((work / "rag9" / "metadata.json").read_text())
    assert "B-PERSON" in metadata["label_schema"]
    assert (work / "report" / "report.html").is_file()
    record = json.loads((work / "encoder" / "run.json").read_text())
    assert {text["name"]: text["weight"] for text in record["texts"]} == {
        "labelled.jsonl": 1.0,
        "text_nltk_inaugural.jsonl": 0.5,
    }
    before = {path: path.stat().st_mtime_ns for path in work.rglob("*.safetensors")}
    assert before
    again = build(recipe, work)
    assert again.returncode == 0, again.stderr
    assert {path: path.stat().st_mtime_ns for path in before} == before
