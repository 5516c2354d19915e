"""Predictions of any origin are scored on the documents they are about, and on no others."""

from __future__ import annotations

import random

import pytest

from ossamma.data.readers.jsonl import write_jsonl
from ossamma.pipeline.predictions import score_predictions
from ossamma.schema.errors import ConfigurationError, DataError, FormatError, ProfileError
from ossamma.schema.spans import Entity
from tests import tiny

GOLD = tiny.documents(10, seed=4)


def right(document):
    return [
        Entity(a.start, a.end, a.label, document.text[a.start : a.end], 0.5)
        for a in document.annotations
    ]


def write(path, documents, entities=None):
    write_jsonl(path, documents, entities=entities)
    return path


@pytest.fixture
def gold(tmp_path):
    return write(tmp_path / "gold.jsonl", GOLD)


def test_right_predictions_score_1(tmp_path, gold):
    path = write(tmp_path / "p.jsonl", GOLD, map(right, GOLD))
    scores = score_predictions(path, gold)
    assert scores.micro.f1 == 1.0
    assert scores.micro.support == sum(len(document.annotations) for document in GOLD)


def test_no_predictions_score_0(tmp_path, gold):
    path = write(tmp_path / "p.jsonl", GOLD, ([] for _ in GOLD))
    assert (score_predictions(path, gold).micro.recall, len(GOLD)) == (0.0, 10)


def test_documents_are_paired_by_id_whatever_their_order(tmp_path, gold):
    shuffled = random.Random(0).sample(GOLD, len(GOLD))
    path = write(tmp_path / "p.jsonl", shuffled, map(right, shuffled))
    assert score_predictions(path, gold).micro.f1 == 1.0


def test_documents_of_other_names_are_paired_by_order(tmp_path):
    gold = tiny.write_conll(tmp_path / "gold.conll", GOLD)
    path = tiny.write_conll(tmp_path / "system.conll", GOLD)
    assert score_predictions(path, gold).micro.f1 == 1.0


def test_both_formats_score_alike(tmp_path):
    one_wrong = [right(document) for document in GOLD]
    one_wrong[0] = []
    gold = tiny.write_conll(tmp_path / "gold.conll", GOLD)
    jsonl = write(tmp_path / "p.jsonl", GOLD, one_wrong)
    stripped = [GOLD[0].__class__(id="x", text=GOLD[0].text, annotations=()), *GOLD[1:]]
    conll = tiny.write_conll(tmp_path / "p.conll", stripped)
    one, other = (score_predictions(path, gold) for path in (jsonl, conll))
    assert one == other
    assert 0.0 < one.micro.recall < 1.0


def test_gold_labels_are_mapped_by_the_profile(tmp_path):
    names = {"PERSON": "person", "PLACE": "location"}
    gold = tiny.write_conll(tmp_path / "gold.conll", GOLD, names)
    path = write(tmp_path / "p.jsonl", GOLD, map(right, GOLD))
    with pytest.raises(DataError, match="got only PERSON, PLACE; map the gold labels with --prof"):
        score_predictions(path, gold)
    assert score_predictions(path, gold, profile="rag9").micro.f1 == 1.0
    assert score_predictions(path, gold, profile="rag9", table="wnut17").micro.f1 == 1.0
    with pytest.raises(ProfileError, match="no table 'x'"):
        score_predictions(path, gold, profile="rag9", table="x")


def test_predictions_in_the_labels_of_the_source_are_no_zeros(tmp_path):
    names = {"PERSON": "person", "PLACE": "location"}
    gold = tiny.write_conll(tmp_path / "gold.conll", GOLD, names)
    with pytest.raises(DataError, match="got only location, person; the gold labels were mapped"):
        score_predictions(gold, gold, profile="rag9")


def test_a_label_map_needs_a_profile(tmp_path, gold):
    path = write(tmp_path / "p.jsonl", GOLD, map(right, GOLD))
    with pytest.raises(ConfigurationError, match="belongs to a profile; give --profile"):
        score_predictions(path, gold, table="wnut17")


def test_another_number_of_documents_is_refused(tmp_path, gold):
    path = write(tmp_path / "p.jsonl", GOLD[1:], map(right, GOLD[1:]))
    with pytest.raises(DataError, match="expected 10 documents as in the gold file, got 9"):
        score_predictions(path, gold)


def test_another_text_is_refused(tmp_path, gold):
    others = tiny.documents(10, seed=5)
    path = write(tmp_path / "p.jsonl", others, map(right, others))
    with pytest.raises(DataError, match="is about another text: expected"):
        score_predictions(path, gold)


def test_documents_without_predictions_are_refused(tmp_path, gold):
    bare = [document.__class__(id=document.id, text=document.text) for document in GOLD]
    path = write(tmp_path / "p.jsonl", bare)
    with pytest.raises(FormatError, match='the key "entities"'):
        score_predictions(path, gold)
