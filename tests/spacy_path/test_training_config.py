"""A generated configuration is complete, explained, and what spaCy itself accepts."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise

import pytest
import spacy
from spacy.util import load_config_from_str, load_model_from_config

from ossamma.data.writers.docbin import DocBinOutput, write_docbin
from ossamma.schema.errors import ConfigurationError
from ossamma.schema.profile import load_profile
from ossamma.spacy_path.docbin_facts import docbin_facts
from ossamma.spacy_path.encoder_facts import EncoderFacts, read_encoder
from ossamma.spacy_path.hardware import Hardware
from ossamma.spacy_path.training_config import (
    Architecture,
    ConfigRequest,
    base_diff,
    make_config,
)
from ossamma.spacy_path.training_plan import EFFECTIVE_DOCUMENTS, plan_batches, plan_length
from ossamma.tokenization.words import split_words
from tests import tiny
from tests.tiny_encoder import FAMILIES, write_encoder

CPU = Hardware(None, "as stated")
ROBERTA = EncoderFacts(
    name="roberta-base",
    family="roberta",
    width=768,
    layers=12,
    heads=12,
    vocabulary=50_265,
    positions=512,
)
LARGE = EncoderFacts(
    name="large", family="x", width=1024, layers=24, heads=16, vocabulary=128_100, positions=512
)


def request(**changes):
    given = {"profile": load_profile("ner11"), "hardware": CPU}
    return ConfigRequest(**given | changes)


def parsed(config):
    return load_config_from_str(config.text)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    texts = [document.text for document in tiny.documents(50, 0)]
    return write_encoder(tmp_path_factory.mktemp("e") / "roberta", texts)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    settings = DocBinOutput(split_words=split_words)
    for seed, (name, size) in enumerate({"train": 300, "dev": 60}.items()):
        write_docbin(folder / f"{name}.spacy", tiny.documents(size, seed, name), settings)
    return folder


FORMS = [
    request(),
    request(encoder=ROBERTA, hardware=Hardware(8.0, "as stated")),
    request(encoder=ROBERTA),
    request(balance=True, seed=3),
]


@pytest.mark.parametrize("wanted", FORMS, ids=["tok2vec", "gpu", "cpu", "balanced"])
def test_nothing_is_left_for_spacy_to_fill_in(wanted):
    config = parsed(make_config(wanted))
    filled = load_model_from_config(config, auto_fill=True, validate=True).config
    assert dict(filled) == dict(config)


@pytest.mark.parametrize("wanted", FORMS, ids=["tok2vec", "gpu", "cpu", "balanced"])
def test_every_value_stands_below_its_reason(wanted):
    lines = make_config(wanted).text.splitlines()
    for before, line in pairwise(lines):
        if re.match(r"[@\w]+ = ", line):
            assert before.startswith("# "), line


def test_the_seeds_values_are_in_it():
    values = parsed(make_config(FORMS[1]))
    training = values["training"]
    encoder = values["components"]["transformer"]["model"]
    assert values["system"]["gpu_allocator"] == "pytorch"
    assert encoder["mixed_precision"] is True
    assert encoder["window"] - 2 * encoder["margin"] > 0
    assert training["batcher"]["@batchers"] == "spacy.batch_by_padded.v1"
    assert not training["batcher"]["discard_oversize"]
    assert 1e-5 <= training["optimizer"]["learn_rate"]["initial_rate"] <= 5e-5
    assert training["optimizer"]["learn_rate"]["@schedules"] == "warmup_linear.v1"
    assert 10 <= training["max_epochs"] <= 20
    assert training["patience"] > 0
    assert 0.1 <= training["dropout"] <= 0.2
    assert training["score_weights"]["ents_f"] == 1.0


def test_less_memory_means_more_parts_and_the_same_step():
    plans = [plan_batches(ROBERTA, Hardware(gib, "t"), None) for gib in (4.0, 8.0, 24.0, 80.0)]
    assert len({plan.words.value for plan in plans}) == 1
    parts = [plan.parts.value for plan in plans]
    assert parts == sorted(parts, reverse=True)
    pieces = [plan.pass_pieces.value for plan in plans]
    assert pieces == sorted(pieces)
    for plan, gib in zip(plans, (4.0, 8.0, 24.0, 80.0), strict=True):
        activations = plan.pass_pieces.value * ROBERTA.bytes_per_piece(plan.window.value, half=True)
        assert ROBERTA.fixed_bytes + activations < gib * 2**30


def test_an_encoder_that_cannot_fit_is_refused():
    with pytest.raises(ConfigurationError, match="does not fit"):
        plan_batches(LARGE, Hardware(6.0, "as stated"), None)
    with pytest.raises(ConfigurationError, match="at least 2 GiB"):
        Hardware(1.0, "as stated")
    with pytest.raises(ConfigurationError, match="runs an encoder"):
        request(architecture=Architecture.SPACY_TRANSFORMERS)


def test_the_length_follows_the_data(files):
    data = docbin_facts(files / "train.spacy")
    assert (data.documents, data.unlabelled, set(data.labels)) == (300, 0, {"PERSON", "PLACE"})
    length = plan_length(data, has_encoder=True)
    steps = -(-data.documents // EFFECTIVE_DOCUMENTS)
    assert length.schedule_steps.value == steps * length.epochs.value
    assert length.warmup_steps.value < length.schedule_steps.value
    title = make_config(request(data=data)).title
    assert "not in the profile: PERSON, PLACE" in title


def test_without_an_encoder_a_large_set_is_judged_four_times_per_epoch(files):
    small = docbin_facts(files / "train.spacy")
    base = plan_length(None, has_encoder=False)
    assert plan_length(small, has_encoder=False) == base
    assert (base.evaluate_every.value, base.patience.value) == (200, 1_600)
    large = plan_length(replace(small, words=3_000_000), has_encoder=False)
    assert large.evaluate_every.value == 3_000_000 / 1_000 / 4
    assert large.patience.value == 8 * large.evaluate_every.value


@pytest.mark.parametrize("family", FAMILIES)
def test_the_sizes_of_an_encoder_are_read_from_its_configuration(tmp_path, family):
    facts = read_encoder(str(write_encoder(tmp_path / family, ["a b c"] * 9, family)))
    assert (facts.family, facts.width, facts.layers, facts.heads) == (family, 16, 1, 2)
    assert facts.longest_window == 126  # 128 positions, and two special pieces


def test_what_is_no_encoder_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="cannot read the encoder"):
        read_encoder(str(tmp_path))


def test_the_difference_to_spacys_base_names_what_changed():
    diff = base_diff(make_config(FORMS[1]), language="en", gpu=True)
    assert '+gpu_allocator = "pytorch"' in diff
    assert "-gpu_allocator = null" in diff
    assert "#" not in diff.replace("-#", "")


def test_the_form_for_spacy_transformers_names_only_its_own_parts():
    wanted = request(
        encoder=ROBERTA,
        hardware=Hardware(8.0, "as stated"),
        architecture=Architecture.SPACY_TRANSFORMERS,
    )
    text = make_config(wanted).text
    load_config_from_str(text)
    assert "spacy-transformers.TransformerModel.v3" in text
    assert '@architectures = "ossamma' not in text


@pytest.mark.slow
@pytest.mark.parametrize("form", ["tok2vec", "encoder"])
def test_spacy_debugs_trains_and_loads_it(form, encoder, files, tmp_path):
    facts = read_encoder(str(encoder)) if form == "encoder" else None
    data = docbin_facts(files / "train.spacy")
    config = make_config(request(encoder=facts, data=data))
    (tmp_path / "config.cfg").write_text(config.text, encoding="utf-8")
    paths = ["--paths.train", files / "train.spacy", "--paths.dev", files / "dev.spacy"]
    run("debug", "config", tmp_path / "config.cfg", *paths)
    short = ["--training.max_steps", 100, "--training.eval_frequency", 50]
    short += ["--training.patience", 0]
    if facts:  # a random encoder of one layer needs another rate than a pre-trained one
        short += ["--training.optimizer.learn_rate.initial_rate", 0.003]
    run("train", tmp_path / "config.cfg", "--output", tmp_path / "out", *paths, *short)
    nlp = spacy.load(tmp_path / "out" / "model-best")
    assert nlp.meta["performance"]["ents_f"] > 0.5
    assert "PERSON" in {e.label_ for e in nlp("Ada Lovelace waited train 1 .").ents}


def run(*words):
    done = subprocess.run(
        [sys.executable, "-m", "spacy", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done
