"""Predictions of any origin are scored on the documents they are about, and on no others."""

from __future__ import annotations

import random

import pytest

from ossamma.data.readers.jsonl import write_jsonl
from ossamma.evaluation.metrics import strict_scores_of
from ossamma.pipeline.judgement import GoldRequest
from ossamma.pipeline.predictions import judge_predictions, score_predictions
from ossamma.schema.errors import ConfigurationError, DataError, FormatError, ProfileError
from ossamma.schema.spans import Entity
from ossamma.tokenization.words import split_words
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


def test_a_docbin_scores_like_the_lines_it_was_made_of(tmp_path, gold):
    docbin = pytest.importorskip("ossamma.data.writers.docbin", reason="spaCy is an extra")
    some = [
        d.__class__(id=d.id, text=d.text, annotations=d.annotations[: i % 3])
        for i, d in enumerate(GOLD)
    ]
    docbin.write_docbin(tmp_path / "p.spacy", some, docbin.DocBinOutput(split_words=split_words))
    docbin.write_docbin(tmp_path / "gold.spacy", GOLD, docbin.DocBinOutput(split_words=split_words))
    jsonl = write(tmp_path / "p.jsonl", some)
    expected = score_predictions(jsonl, gold)
    assert 0.0 < expected.micro.recall < 1.0
    assert score_predictions(tmp_path / "p.spacy", gold) == expected
    assert score_predictions(tmp_path / "p.spacy", tmp_path / "gold.spacy") == expected


def parts(tmp_path):
    """The gold documents in two files, and right predictions for each."""
    halves = [GOLD[:4], GOLD[4:]]
    gold = [write(tmp_path / f"gold{i}.jsonl", half) for i, half in enumerate(halves)]
    found = [
        write(tmp_path / f"p{i}.jsonl", half, map(right, half)) for i, half in enumerate(halves)
    ]
    return GoldRequest(files=tuple(gold)), found


def test_several_gold_files_take_one_file_of_predictions_or_one_each(tmp_path):
    request, found = parts(tmp_path)
    shuffled = random.Random(0).sample(GOLD, len(GOLD))
    one = write(tmp_path / "all.jsonl", shuffled, map(right, shuffled))
    apart = judge_predictions(found, request)
    together = judge_predictions([one], request)
    assert apart.judged == together.judged
    assert strict_scores_of(apart.judged).micro.f1 == 1.0
    assert {each.document.dataset for each in apart.judged} == {"gold0.jsonl", "gold1.jsonl"}


def test_another_number_of_files_is_refused(tmp_path):
    request, found = parts(tmp_path)
    with pytest.raises(ConfigurationError, match="one for each of the 2 gold files, got 3"):
        judge_predictions([*found, found[0]], request)


def test_ids_that_occur_in_both_files_do_not_mix_documents_up(tmp_path):
    one, other = tiny.documents(3, seed=1), tiny.documents(3, seed=2)
    assert [d.id for d in one] == [d.id for d in other]
    gold = [tiny.write_conll(tmp_path / f"g{i}.conll", made) for i, made in enumerate((one, other))]
    renamed = [d.__class__(id=f"x{i}", text=d.text) for i, d in enumerate([*one, *other])]
    found = write(tmp_path / "p.jsonl", renamed, map(right, [*one, *other]))
    judgement = judge_predictions([found], GoldRequest(files=tuple(gold)))
    assert strict_scores_of(judgement.judged).micro.f1 == 1.0


def test_predictions_are_described(tmp_path, gold):
    path = write(tmp_path / "p.jsonl", GOLD, ([*right(d), *right(d)] for d in GOLD))
    system = judge_predictions([path], GoldRequest(files=(gold,))).system
    assert (system["kind"], system["name"], system["path"]) == ("predictions", "p.jsonl", str(path))
    assert len(system["checksum"]) == 64
    assert any("repeat one of the same span" in note for note in system["notes"])
