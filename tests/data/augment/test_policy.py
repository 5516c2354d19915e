"""The stream of originals and copies: what is yielded, named, counted and repeated."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from dataclasses import fields, replace
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.data.augment.entity_bank import EntityBank
from ossamma.data.augment.policy import AugmentationPolicy, augment
from ossamma.schema.errors import ConfigurationError
from tests.data.augment.strategies import BANK, a_document, few, flat_documents, surfaces_of

EVERYTHING = AugmentationPolicy(
    copies=2,
    replacement=0.5,
    dropout=0.5,
    shuffling=0.5,
    synonyms=0.5,
    spaces=0.5,
    typos=0.5,
    casing=0.5,
)
NOTHING = AugmentationPolicy(replacement=0.0)
corpora = st.lists(flat_documents(), max_size=4).map(
    lambda documents: [replace(d, id=f"{d.id}{i}") for i, d in enumerate(documents)]
)


def run(documents, policy=EVERYTHING, *, seed=1, epoch=0):
    return list(augment(documents, policy, seed=seed, epoch=epoch, bank=BANK))


@few
@given(corpora)
def test_originals_come_out_unchanged_and_their_copies_behind_them(documents):
    stream = run(documents)
    assert [d for d in stream if "+" not in d.id] == documents
    owner = None
    for document in stream:
        if "+" not in document.id:
            owner = document
        else:
            assert document.id.startswith(f"{owner.id}+")
            assert document.group == (owner.group or owner.id)
            assert document.text != owner.text
    assert len({d.id for d in stream}) == len(stream)


@few
@given(corpora, st.randoms(use_true_random=False), st.integers(0, 3))
def test_neither_order_nor_company_matters(documents, shuffler, epoch):
    shuffled = list(documents)
    shuffler.shuffle(shuffled)
    together = Counter(run(shuffled, epoch=epoch))
    assert together == Counter(d for one in documents for d in run([one], epoch=epoch))


@few
@given(corpora)
def test_the_report_accounts_for_every_copy(documents):
    documents = [*documents, a_document("x", id="u", annotations=None), a_document("x", weight=0.0)]
    stream = augment(documents, EVERYTHING, seed=1, bank=BANK)
    made = list(stream)
    report = stream.report
    assert report.documents == len(documents)
    assert report.documents + report.copies == len(made)
    assert report.left_alone == 2
    assert report.copies + report.unchanged == 2 * (report.documents - report.left_alone)
    names = {"replacement": "replace", "dropout": "drop", "shuffling": "shuffle", "casing": "case"}
    for step, count in report.steps.items():
        name = f"+{names.get(step, step)}"
        assert count == sum(name in d.id.replace("~", "+") for d in made)


def test_without_rates_there_are_only_originals():
    documents = [a_document("we saw [Ada|PER]")]
    stream = augment(documents, NOTHING, seed=1)
    assert list(stream) == documents
    assert stream.report.unchanged == 1
    assert stream.report.steps == {}


def test_seed_epoch_and_copy_each_give_other_copies():
    documents = [a_document("someone quickly began until everyone nearly obtained it", id="a")]
    policy = AugmentationPolicy(replacement=0.0, typos=0.5, copies=3)
    streams = [run(documents, policy, seed=s, epoch=e) for s, e in ((1, 0), (2, 0), (1, 1))]
    copies = [document for stream in streams for document in stream[1:]]
    assert len({copy.text for copy in copies}) == 9
    assert [copy.id for copy in copies] == [
        *("a+typos", "a+typos~2", "a+typos~3"),
        *("a+typos", "a+typos~2", "a+typos~3"),
        *("a+typos~4", "a+typos~5", "a+typos~6"),
    ]


def test_documents_of_one_text_and_different_ids_get_different_copies():
    text = "someone quickly began until everyone nearly obtained it"
    documents = [a_document(text, id=f"d{n}") for n in range(20)]
    copies = run(documents, AugmentationPolicy(replacement=0.0, typos=0.3))[1::2]
    assert len({copy.text for copy in copies}) > 15


def test_a_step_does_the_same_whatever_the_later_ones_do():
    documents = [a_document("we quickly saw [Ada|PER] , and [grace hopper|PER] left early")]
    alone = run(documents, AugmentationPolicy(replacement=1.0))
    both = run(documents, AugmentationPolicy(replacement=1.0, typos=1.0))
    assert surfaces_of(alone[1]) == surfaces_of(both[1])
    assert both[1].id == "d+replace+typos"


def test_documents_are_read_one_at_a_time():
    read = []

    def endless():
        while True:
            read.append(len(read))
            yield a_document("we saw [Ada|PER]", id=f"d{len(read)}")

    stream = augment(endless(), AugmentationPolicy(replacement=1.0), seed=1, bank=BANK)
    assert len(list(islice(stream, 4))) == 4
    assert len(read) == 2
    assert stream.report.documents == 2


PROGRAM = """
from ossamma.data.augment.policy import augment
from tests.data.augment.test_policy import EVERYTHING, BANK
from tests.data.augment.strategies import a_document
marked = "we quickly saw [Ada|PER] , and until [the grace hopper|LOC/PER] someone left early"
documents = [a_document(marked, id=f"d{n}") for n in range(20)]
for document in augment(documents, EVERYTHING, seed=3, bank=BANK):
    print(document.id, repr(document.text))
"""


@pytest.mark.slow
def test_pythons_hash_seed_has_no_part_in_it():
    def output(hash_seed):
        path = os.pathsep.join(sys.path)
        environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": path}
        command = [sys.executable, "-c", PROGRAM]
        return subprocess.run(command, env=environment, capture_output=True, check=True).stdout

    assert output("1") == output("2") != b""


def test_replacement_needs_a_bank():
    with pytest.raises(ConfigurationError, match=r"bank=EntityBank\.from_documents"):
        augment([], AugmentationPolicy(), seed=1)
    assert list(augment([], AugmentationPolicy(), seed=1, bank=EntityBank.from_documents([]))) == []


def test_a_negative_epoch_is_refused():
    with pytest.raises(ConfigurationError, match="epoch must be at least 0, got -1"):
        augment([], NOTHING, seed=1, epoch=-1)


@pytest.mark.parametrize(
    "name", ["replacement", "dropout", "shuffling", "synonyms", "spaces", "typos", "casing"]
)
@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_a_rate_is_a_probability(name, value):
    with pytest.raises(ConfigurationError, match=rf"{name} must be in \[0, 1\], got {value}"):
        AugmentationPolicy(**{name: value})


@pytest.mark.parametrize(("name", "value"), [("copies", 0), ("window", 1), ("decoys", -1.0)])
def test_other_settings_have_their_bounds(name, value):
    with pytest.raises(ConfigurationError, match=f"{name} must be at least"):
        AugmentationPolicy(**{name: value})


def test_every_setting_is_used():
    """Each one alone, changed, changes what comes out."""
    marked = "we quickly saw [Ada|PER] , and until [grace hopper|PER] someone left early to go on"
    documents = [a_document(marked, id=f"d{n}") for n in range(30)]
    base = run(documents, EVERYTHING)
    others = {
        "copies": 1,
        "window": 5,
        "decoys": 0.0,
        "inside_mentions": True,
        "spare": ["PER"],
    }
    for field in fields(AugmentationPolicy):
        changed = replace(EVERYTHING, **{field.name: others.get(field.name, 0.1)})
        assert run(documents, changed) != base, field.name
