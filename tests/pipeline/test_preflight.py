"""What cannot be trained on is refused before the first step; what disappoints is said."""

from __future__ import annotations

import json

import pytest

from ossamma.pipeline.corpora import read_splits
from ossamma.pipeline.preflight import check_splits
from ossamma.schema.errors import DataError
from tests import tiny

ADA = {"text": "Ada", "entities": [{"start": 0, "end": 3, "label": "PERSON"}]}
EMPTY = {"text": "nothing", "entities": []}


def check(tmp_path, **records):
    """Write a JSONL file of each split and check them."""
    files = {}
    for name, made in {"train": [ADA], "dev": [ADA], **records}.items():
        files[name] = tmp_path / f"{name}.jsonl"
        files[name].write_text("\n".join(map(json.dumps, made)))
    return check_splits(*read_splits("native", files))


def test_a_sound_corpus_of_many_examples_raises_no_word(tmp_path):
    many = [{**ADA, "text": f"Ada {number}"} for number in range(20)]
    assert check(tmp_path, train=many) == []


@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_unlabelled_documents_are_refused(tmp_path, split):
    with pytest.raises(DataError, match=rf"{split}\.jsonl:2 .*1 of 2 documents are unlabelled"):
        check(tmp_path, **{split: [ADA, {"text": "what is this"}]})


@pytest.mark.parametrize("split", ["dev", "test"])
def test_a_split_without_any_entity_is_refused(tmp_path, split):
    with pytest.raises(DataError, match=rf"\({split}\): expected at least one entity, got none"):
        check(tmp_path, **{split: [EMPTY, EMPTY]})


def test_a_training_set_without_weight_is_refused(tmp_path):
    with pytest.raises(DataError, match="every document has weight 0"):
        check(tmp_path, train=[{**ADA, "weight": 0}])


def test_rare_and_missing_types_are_named(tmp_path):
    record = {**ADA, "annotates": ["PERSON", "SHIP"]}
    warnings = check(tmp_path, train=[record], dev=[{**ADA, "text": "Ada 2"}])
    assert warnings == [
        "the training set has no example of SHIP",
        "the training set has fewer than 20 examples of PERSON (1)",
    ]


def test_texts_in_two_splits_are_counted(tmp_path):
    warnings = check(tmp_path, dev=[ADA, EMPTY], test=[{**ADA, "text": "Ada 2"}])
    shared = [w for w in warnings if "also in the training set" in w]
    assert shared == [
        "1 of 2 dev documents are also in the training set; scores on them are too good"
    ]


def test_repaired_tags_are_counted(tmp_path):
    files = tiny.corpus(tmp_path)
    text = files["train"].read_text()
    # IOB2 has been settled by many other tags; one entity now begins with I-.
    files["train"].write_text(text.replace("Oslo\tB-PLACE", "Oslo\tI-PLACE", 1))
    warnings = check_splits(*read_splits("native", files))
    assert any("train.conll (train): 1 illegal tags were repaired" in w for w in warnings)
