"""Golden cases notice a model that answers differently, and nothing else."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch

from ossamma.export.bundle import load, save_bundle, save_calibrated
from ossamma.export.golden import (
    NUM_CASES,
    TOLERANCE,
    GoldenCase,
    check_goldens,
    difference,
    golden_file,
    golden_texts,
    read_goldens,
    record_goldens,
)
from ossamma.export.manifest import GOLDEN_FILE, METADATA_FILE, seal, stated_facts, verify
from ossamma.export.release import ReleaseContent, as_released, write_release
from ossamma.inference.calibration import Calibration, Temperature
from ossamma.inference.settings import InferenceSettings
from ossamma.schema.errors import BundleError, ConfigurationError
from ossamma.schema.spans import Entity
from tests import tiny

FACTS = {"checkpoint_epoch": 3.0, "val_f1": 0.5, "profile": "native"}
EXAMPLES = {"PERSON": ("Grace Hopper", "Emmy Noether"), "PLACE": ("Lima",)}


@pytest.fixture(scope="module")
def cases():
    return record_goldens(tiny.recogniser(), golden_texts(EXAMPLES))


@pytest.fixture
def release(tmp_path, cases):
    pieces = tiny.tokenizer()
    save_bundle(tmp_path / "b", tiny.model(pieces), pieces, tiny.PROFILE, facts=FACTS)
    model = as_released(load(tmp_path / "b").model, "fp32")
    content = ReleaseContent(
        files={GOLDEN_FILE: golden_file(cases)}, facts={"exported_with": {"torch": "0.1"}}
    )
    write_release(tmp_path / "b", tmp_path / "r", model, content)
    return tmp_path / "r"


def reseal(folder):
    metadata = json.loads((folder / METADATA_FILE).read_text())
    (folder / METADATA_FILE).unlink()
    seal(folder, stated_facts(metadata))


def test_texts_are_plain_hard_and_of_the_examples():
    texts = golden_texts(EXAMPLES)
    assert len(texts) == len(set(texts)) >= NUM_CASES - 1
    assert "" in texts
    assert any("Grace Hopper" in text for text in texts)
    window = InferenceSettings().window_pieces
    pieces = tiny.tokenizer()
    assert max(sum(map(len, pieces.encode_words(t.split()))) for t in texts) > window
    assert len(golden_texts({})) >= NUM_CASES - 4


def test_cases_hold_what_the_model_finds_with_posteriors(cases):
    assert len(cases) > NUM_CASES // 2
    assert any(case.entities for case in cases)
    found = tiny.recogniser().recognise([case.text for case in cases])
    assert all(difference(c.entities, f) < 1e-6 for c, f in zip(cases, found, strict=True))


def test_a_tie_is_no_case():
    recogniser = tiny.recogniser()
    with torch.no_grad():
        recogniser.model.head.emissions.weight.zero_()
        recogniser.model.head.emissions.bias.zero_()
        for parameter in recogniser.model.crf.parameters():
            parameter.zero_()
    texts = [text for text in golden_texts(EXAMPLES) if len(text.split()) > 4]
    assert record_goldens(recogniser, texts) == ()


def test_the_file_gives_the_cases_back(tmp_path, cases):
    (tmp_path / GOLDEN_FILE).write_bytes(golden_file(cases))
    assert read_goldens(tmp_path) == (TOLERANCE, cases)
    (tmp_path / GOLDEN_FILE).unlink()
    assert read_goldens(tmp_path) == (TOLERANCE, ())


def test_a_bundle_that_answers_as_recorded_is_loaded(release, cases):
    assert check_goldens(release, load(release), {}) == len(cases)


def test_other_weights_with_right_hashes_are_refused(release):
    model = load(release).model
    with torch.no_grad():
        model.head.emissions.bias += torch.linspace(-1, 1, len(model.head.emissions.bias))
    model.save_pretrained(release)
    reseal(release)
    verify(release)
    with pytest.raises(BundleError, match=r"golden case \d+ is answered differently.*torch 0\.1"):
        load(release)
    with pytest.raises(BundleError, match=r"ossamma export RUN --out BUNDLE"):
        load(release)
    for weaker in ("hashes", "metadata"):
        load(release, verify=weaker)


@pytest.mark.parametrize("off", [0.9 * TOLERANCE, 1.1 * TOLERANCE])
def test_a_posterior_may_differ_by_the_tolerance(release, cases, off):
    number = next(n for n, case in enumerate(cases) if case.entities)
    first, *others = cases[number].entities
    moved = replace(first, confidence=first.confidence - off)
    changed = [*cases]
    changed[number] = GoldenCase(cases[number].text, (moved, *others))
    (release / GOLDEN_FILE).write_bytes(golden_file(changed))
    reseal(release)
    if off < TOLERANCE:
        load(release)
    else:
        with pytest.raises(BundleError, match=rf"golden case {number + 1} is answered"):
            load(release)


def test_settings_and_calibration_leave_the_cases_alone(release, tmp_path):
    save_calibrated(release, tmp_path / "c", Calibration(overall=Temperature(0.3), per_type={}))
    recogniser = load(tmp_path / "c", InferenceSettings(min_confidence=0.99))
    assert recogniser.calibration is not None
    assert recogniser.settings.min_confidence == 0.99


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"format": "ossamma-golden/2"}', '{"format": "ossamma-golden/1"}'],
)
def test_a_file_of_something_else_is_refused(tmp_path, content):
    (tmp_path / GOLDEN_FILE).write_text(content)
    with pytest.raises(BundleError, match=r"golden\.json"):
        read_goldens(tmp_path)


def test_a_check_that_does_not_exist_is_refused(release):
    with pytest.raises(ConfigurationError, match=r"one of golden, hashes, metadata, got 'no'"):
        load(release, verify="no")


def test_difference_is_infinite_between_other_spans():
    one, two = Entity(0, 3, "A", "abc", 0.5), Entity(0, 3, "B", "abc", 0.5)
    assert difference([one], [two]) == difference([one], []) == float("inf")
    assert difference([], []) == 0.0
    assert difference([one], [replace(one, confidence=0.75)]) == 0.25
