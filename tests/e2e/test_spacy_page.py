"""The commands and the code of the page on spaCy run as they stand, in order, on small files."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import spacy

from ossamma.data.writers.docbin import DocBinOutput, write_docbin
from ossamma.export.bundle import save_bundle
from ossamma.tokenization.words import split_words
from tests import tiny
from tests.tiny_encoder import write_encoder

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "spacy.md").read_text(encoding="utf-8")

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A working folder with the files that the page speaks of."""
    folder = tmp_path_factory.mktemp("page")
    settings = DocBinOutput(split_words=split_words)
    for seed, (name, size) in enumerate({"train": 200, "dev": 40}.items()):
        write_docbin(folder / f"{name}.spacy", tiny.documents(size, seed, name), settings)
    tiny.write_conll(folder / "test.conll", tiny.documents(20, 9, "test"))
    rules = spacy.blank("en")
    ruler = rules.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": "PERSON", "pattern": name} for name in tiny.PEOPLE])
    rules.to_disk(folder / "rules")
    write_encoder(folder / "encoder", [d.text for d in tiny.documents(50, 0)])
    pieces = tiny.tokenizer()
    facts = {"checkpoint_epoch": 1.0, "val_f1": 0.5}
    save_bundle(folder / "runs" / "a", tiny.model(pieces), pieces, tiny.PROFILE, facts=facts)
    return folder


def run(words, folder):
    done = subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env=os.environ | {"COLUMNS": "120"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout


def test_every_command_of_the_page_succeeds(folder):
    blocks = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
    lines = [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]
    assert len(lines) >= 6
    for line in lines:
        name, *words = shlex.split(line)
        assert name == "ossamma"
        run(["-m", "ossamma.cli.app", *words], folder)
    assert (folder / "models" / "ner11_v1" / "model-best" / "config.cfg").is_file()
    trained = ["--bundle", "models/ner11_v1/model-best", "--gold", "test.conll", "--json"]
    out = run(["-m", "ossamma.cli.app", "evaluate", *trained], folder)
    assert '"f1"' in out


def test_the_code_of_the_page_runs(folder):
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    run(["-c", code], folder)
    assert (folder / "pipeline" / "ossamma_ner" / "metadata.json").is_file()
