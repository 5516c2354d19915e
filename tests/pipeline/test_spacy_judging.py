"""A spaCy model is judged as a bundle is, by the same verb."""

from __future__ import annotations

import json

import pytest
import spacy
from typer.testing import CliRunner

from ossamma.cli.app import app
from ossamma.pipeline.judgement import GoldRequest
from ossamma.pipeline.scoring import judge_bundle, score_bundle
from ossamma.schema.errors import ConfigurationError, DataError
from ossamma.spacy_path.model_folder import checksum_of, is_spacy_model
from tests import tiny


@pytest.fixture
def model(tmp_path):
    nlp = spacy.blank("en")
    patterns = [("PERSON", name) for name in tiny.PEOPLE] + [("PLACE", n) for n in tiny.PLACES[1:]]
    made = nlp.add_pipe("entity_ruler")
    made.add_patterns([{"label": label, "pattern": text} for label, text in patterns])
    nlp.to_disk(tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def gold(tmp_path):
    return tiny.write_conll(tmp_path / "gold.conll", tiny.documents(30, 0))


def test_a_model_is_told_from_a_bundle_by_its_files(model, tmp_path):
    assert is_spacy_model(model)
    assert not is_spacy_model(tmp_path)


def test_scores_are_those_of_what_the_model_finds(model, gold):
    scores = score_bundle(model, gold)
    assert scores.micro.precision == 1.0
    assert scores.per_type["PERSON"].f1 == 1.0
    assert 0.0 < scores.per_type["PLACE"].recall < 1.0  # Oslo is not in its patterns


def test_the_models_own_tokenizer_splits_the_texts(tmp_path):
    nlp = spacy.blank("en")
    parts = [{"TEXT": "CVE-2017"}, {"TEXT": "-"}, {"TEXT": "5161"}]
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "CVE", "pattern": parts}])
    nlp.to_disk(tmp_path / "rules")
    gold = tmp_path / "gold.conll"
    gold.write_text("See\tO\nCVE-2017-5161\tB-CVE\n.\tO\n", encoding="utf-8")
    assert score_bundle(tmp_path / "rules", gold).micro.f1 == 1.0


def test_the_judgement_says_what_was_judged(model, gold):
    seen = []
    judgement = judge_bundle(
        model, GoldRequest(files=(gold,)), on_document=lambda *done: seen.append(done)
    )
    assert judgement.system["kind"] == "spacy"
    assert judgement.system["checksum"] == checksum_of(model)
    assert seen[-1] == (30, 30)


def test_a_changed_model_has_another_checksum(model):
    before = checksum_of(model)
    (model / "meta.json").write_bytes((model / "meta.json").read_bytes() + b" ")
    assert checksum_of(model) != before


def test_strange_labels_and_speed_are_refused(model, gold, tmp_path):
    other = tiny.write_conll(
        tmp_path / "o.conll", tiny.documents(5, 0), {"PERSON": "A", "PLACE": "B"}
    )
    with pytest.raises(DataError, match="only"):
        score_bundle(model, other)
    with pytest.raises(ConfigurationError, match="--speed"):
        judge_bundle(model, GoldRequest(files=(gold,)), timed=True)


def test_the_verbs_evaluate_and_gate_take_it(model, gold, tmp_path):
    def ossamma(*words):
        return CliRunner().invoke(app, list(map(str, words)))

    done = ossamma("evaluate", "--bundle", model, "--gold", gold, "--out", tmp_path / "report")
    assert done.exit_code == 0, done.output
    report = tmp_path / "report" / "report.json"
    assert json.loads(report.read_text(encoding="utf-8"))["system"]["kind"] == "spacy"
    gates = tmp_path / "gates.yaml"
    gates.write_text(
        "gates:\n  - {name: precise, source: test, metric: precision, average: micro, "
        'operator: ">=", threshold: 0.9, min_support: 1, max_width: 1}\n',
        encoding="utf-8",
    )
    gated = ossamma("gate", report, "--gates", gates)
    assert gated.exit_code == 0, gated.output
