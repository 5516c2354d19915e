"""spaCy itself under supervision: a tiny encoder, offline, with planted faults."""

from __future__ import annotations

import json
import shutil

import pytest
import spacy

from ossamma.data.writers.docbin import DocBinOutput, write_docbin
from ossamma.pipeline.spacy_config import SpacyConfigRequest, write_spacy_config
from ossamma.pipeline.supervision.spacy_train import SpacyTrainRequest, train_spacy
from ossamma.schema.errors import TrainingError
from ossamma.tokenization.words import split_words
from tests import tiny
from tests.tiny_encoder import write_encoder

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

FAULTS = """
import os, signal
import spacy

@spacy.registry.callbacks("planted.v1")
def planted():
    def before_update(nlp, info):
        parts = nlp.config["training"]["accumulate_gradient"]
        if parts == 1 and info["step"] == 15:
            raise MemoryError("planted")
        if parts == 3 and info["step"] == 15:
            os.kill(os.getpid(), signal.SIGKILL)
        if parts == 5 and info["step"] == 5:
            for _, pipe in nlp.pipeline:
                for node in pipe.model.walk():
                    for name in node.param_names:
                        if node.has_param(name):
                            node.set_param(name, node.get_param(name) * float("nan"))
    return before_update
"""


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inputs")
    settings = DocBinOutput(split_words=split_words)
    for seed, (name, size) in enumerate({"train": 300, "dev": 40}.items()):
        write_docbin(folder / f"{name}.spacy", tiny.documents(size, seed, name), settings)
    write_encoder(folder / "encoder", [d.text for d in tiny.documents(50, 0)])
    (folder / "faults.py").write_text(FAULTS, encoding="utf-8")
    return folder


def request(inputs, out, *, parts=2, model=None, resume=False, dry_run=False):
    config = inputs / f"{out.name}-{parts}.cfg"
    write_spacy_config(
        SpacyConfigRequest(profile="ner11", out=config, cpu=True, model=model, force=True)
    )
    changed = spacy.util.load_config(config)
    training = changed["training"]
    training |= {"accumulate_gradient": parts, "max_steps": 40, "eval_frequency": 10}
    training["before_update"] = {"@callbacks": "planted.v1"}
    if model:  # a random encoder of one layer needs another rate than a pre-trained one
        rate = {"initial_rate": 0.003, "total_steps": 100, "warmup_steps": 5}
        training["optimizer"]["learn_rate"] |= rate
    changed.to_disk(config)
    return SpacyTrainRequest(
        config=config,
        train=inputs / "train.spacy",
        dev=inputs / "dev.spacy",
        out=out,
        code=inputs / "faults.py",
        resume=resume,
        dry_run=dry_run,
    )


def attempts(run):
    return json.loads((run / "manifest.json").read_text(encoding="utf-8"))["attempts"]


def test_an_encoder_out_of_memory_goes_on_in_smaller_parts(inputs, tmp_path):
    encoder = shutil.copytree(inputs / "encoder", tmp_path / "encoder")
    outcome = train_spacy(request(inputs, tmp_path / "m", parts=1, model=str(encoder)))
    assert [(a["ending"], a["accumulate"]) for a in attempts(outcome.run)] == [
        ("out of memory", 1),
        ("finished", 2),
    ]
    shutil.rmtree(encoder)
    nlp = spacy.load(outcome.run / "model-best")
    assert "transformer" in nlp.pipe_names
    assert "PERSON" in {e.label_ for e in nlp("Ada Lovelace waited train 1 .").ents}


def test_a_killed_run_is_resumed(inputs, tmp_path):
    with pytest.raises(TrainingError, match="signal 9"):
        train_spacy(request(inputs, tmp_path / "k", parts=3))
    with pytest.raises(TrainingError, match="signal 9"):  # the planted fault is still there
        train_spacy(request(inputs, tmp_path / "k", parts=3, resume=True))
    done = attempts(tmp_path / "k_v1")
    assert [a["ending"] for a in done] == ["killed", "killed"]
    assert [a["steps_before"] for a in done] == [0, 11]


def test_weights_that_are_no_numbers_are_never_released(inputs, tmp_path):
    with pytest.raises(TrainingError):
        train_spacy(request(inputs, tmp_path / "n", parts=5))
    assert not (tmp_path / "n_v1" / "model-best").exists()


def test_a_run_with_its_dry_run_ends_well(inputs, tmp_path):
    said = []
    outcome = train_spacy(request(inputs, tmp_path / "d", dry_run=True), say=said.append)
    assert outcome.score > 0.5
    assert any(line.startswith("dry run: 20 steps") for line in said)
