from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from datasketch import MinHash, MinHashLSH
from hypothesis import given
from hypothesis import strategies as st

from ossamma.data.deduplicate import (
    DeduplicateSettings,
    Deduplicator,
    DuplicatePair,
    Duplication,
    Verdict,
)
from ossamma.data.minhash import jaccard_reference, normalise, word_bytes
from ossamma.data.near_index import NearSettings
from ossamma.data.readers.conll import ConllFormat, read_conll
from ossamma.schema.errors import ConfigurationError
from ossamma.schema.spans import Document

ROOT = Path(__file__).resolve().parents[2]
EXACT_ONLY = DeduplicateSettings(near=None, spare_within=frozenset())
SENTENCE = "The quick brown fox jumps over the lazy dog and runs away into the dark green wood"


def document(text: str, name: str = "d", *, dataset: str = "") -> Document:
    return Document(name, text, dataset=dataset)


texts = st.lists(st.text(st.sampled_from("aB \n\u00e9"), max_size=4), max_size=15)


@given(texts)
def test_exactly_one_document_of_each_normalised_text_stays(contents):
    deduplicator = Deduplicator(EXACT_ONLY)
    documents = [document(text, str(number)) for number, text in enumerate(contents)]
    first: dict[str, str] = {}
    for one in documents:
        verdict = deduplicator.add(one)
        holder = first.setdefault(normalise(one.text), one.id)
        assert verdict.keep == (holder == one.id)
        assert verdict.duplicate_of == (None if verdict.keep else holder)
    report = deduplicator.report()
    assert (report.documents, report.kept) == (len(contents), len(first))
    assert report.kept + report.dropped == report.documents
    assert sum(pair.dropped for pair in report.pairs.values()) == report.dropped


def test_who_is_added_first_stays():
    deduplicator = Deduplicator()
    assert deduplicator.add(document(SENTENCE, "a", dataset="x"), split="test").keep
    verdict = deduplicator.add(document(SENTENCE.upper(), "b", dataset="y"), split="train")
    assert verdict == Verdict(
        keep=False,
        kind=Duplication.EXACT,
        duplicate_of="a",
        similarity=1.0,
        dataset="x",
        split="test",
    )


def test_a_near_duplicate_is_dropped_with_its_similarity():
    deduplicator = Deduplicator()
    deduplicator.add(document(SENTENCE, "a"))
    longer = SENTENCE + " again"
    verdict = deduplicator.add(document(longer, "b"))
    assert (verdict.keep, verdict.kind, verdict.duplicate_of) == (False, Duplication.NEAR, "a")
    truth = jaccard_reference(word_bytes(SENTENCE.lower()), word_bytes(longer.lower()), 3)
    assert verdict.similarity == pytest.approx(truth, abs=0.1)
    assert not verdict.mergeable


def test_punctuation_alone_makes_a_near_duplicate():
    deduplicator = Deduplicator()
    deduplicator.add(document("He said: stop that, now!", "a"))
    verdict = deduplicator.add(document("He said : stop that , now !", "b"))
    assert (verdict.kind, verdict.similarity) == (Duplication.NEAR, 1.0)


@pytest.mark.parametrize("text", ["", "Yes", "LONDON 1996-08", "Good morning"])
def test_a_text_shorter_than_a_shingle_has_exact_duplicates_only(text):
    deduplicator = Deduplicator(DeduplicateSettings(near=NearSettings(short_shingle=4)))
    deduplicator.add(document(text, "a"))
    assert deduplicator.add(document(text + "?", "b")).keep
    assert deduplicator.add(document(" " + text, "c")).duplicate_of == "a"


def test_a_test_document_is_spared_beside_its_like_but_not_beside_training():
    deduplicator = Deduplicator()
    verdicts = [
        deduplicator.add(document(SENTENCE, name), split=split)
        for name, split in [("a", "test"), ("b", "test"), ("c", "dev"), ("d", "train")]
    ]
    assert [verdict.keep for verdict in verdicts] == [True, True, False, False]
    report = deduplicator.report()
    assert (report.documents, report.kept, report.dropped, report.spared) == (4, 2, 2, 1)
    pair = DuplicatePair("test", "", "test", "", Duplication.EXACT)
    assert (report.pairs[pair].dropped, report.pairs[pair].spared) == (0, 1)


def test_a_document_spared_within_its_split_may_still_leak_from_another():
    """Of three texts in a row the middle one is near to both, and nearer to the one of dev."""
    words = [f"w{number}" for number in range(40)]
    tested, middle, developed = (" ".join(words[n : n + 30]) for n in (0, 5, 8))
    deduplicator = Deduplicator(DeduplicateSettings(near=NearSettings(threshold=0.63)))
    assert true_similarity(tested, developed) < 0.57
    assert true_similarity(tested, middle) < 0.7
    assert true_similarity(middle, developed) > 0.8
    assert deduplicator.add(document(tested, "t"), split="test").keep
    assert deduplicator.add(document(developed, "d"), split="dev").keep
    verdict = deduplicator.add(document(middle, "m"), split="dev")
    assert (verdict.keep, verdict.duplicate_of) == (False, "t")


def test_only_equal_texts_of_one_split_are_mergeable():
    deduplicator = Deduplicator()
    deduplicator.add(document(SENTENCE, "a"), split="train")
    cases = [(SENTENCE, "train"), (SENTENCE + " ", "train"), (SENTENCE, "dev")]
    found = [deduplicator.add(document(text), split=split).mergeable for text, split in cases]
    assert found == [True, False, False]


def test_the_report_names_pairs_of_data_sets_and_shows_examples():
    deduplicator = Deduplicator(DeduplicateSettings(examples=2))
    for name, dataset in [("a", "x"), ("b", "y"), ("c", "y"), ("d", "y"), ("e", "x")]:
        deduplicator.add(document(SENTENCE, name, dataset=dataset), split="train")
    report = json.loads(json.dumps(deduplicator.report().to_json()))
    rows = [
        (row["dataset"], row["kept_dataset"], row["kind"], row["dropped"])
        for row in report["pairs"]
    ]
    assert rows == [("x", "x", "exact", 1), ("y", "x", "exact", 3)]
    examples = report["pairs"][1]["examples"]
    assert [(example["id"], example["kept_id"]) for example in examples] == [("b", "a"), ("c", "a")]
    assert examples[0]["text"] == SENTENCE


def test_odd_ids_survive():
    deduplicator = Deduplicator()
    names = ["\u00e4/\ud800", "", "x" * 1000]
    for number, name in enumerate(names):
        deduplicator.add(document(f"text {number}", name))
    found = [deduplicator.add(document(f"text {number}")).duplicate_of for number in range(3)]
    assert found == names


def random_corpus(seed: int, num_texts: int) -> list[Document]:
    """Texts of which a third are earlier ones with up to three words exchanged."""
    generator = random.Random(seed)
    vocabulary = [f"w{number}" for number in range(2000)]
    corpus: list[Document] = []
    for number in range(num_texts):
        words = generator.choices(vocabulary, k=generator.randint(2, 90))
        if corpus and generator.random() < 1 / 3:
            words = generator.choice(corpus).text.split()
            for _ in range(generator.randint(0, 3)):
                words[generator.randrange(len(words))] = generator.choice(vocabulary)
        corpus.append(document(" ".join(words), f"d{number}"))
    return corpus


def test_brute_force_finds_the_same_duplicates():
    """All pairs by true similarity; near the threshold the estimate may decide otherwise."""
    corpus = random_corpus(1, 400)
    deduplicator = Deduplicator()
    kept: list[Document] = []
    num_near = 0
    for one in corpus:
        verdict = deduplicator.add(one)
        truth = max((true_similarity(one.text, other.text) for other in kept), default=0.0)
        if verdict.keep:
            assert truth < 0.93
            kept.append(one)
        else:
            num_near += verdict.kind is Duplication.NEAR
            assert truth > 0.66
    assert num_near > 20


def true_similarity(left: str, right: str) -> float:
    if left == right:
        return 1.0
    words = word_bytes(left), word_bytes(right)
    lengths = [len(part) for part in words]
    widths = [3] * (max(lengths) < 62.5) + [5] * (min(lengths) >= 40)
    return max((jaccard_reference(*words, width) for width in widths), default=0.0)


def test_an_independent_library_finds_the_same_duplicates():
    corpus = [one for one in random_corpus(2, 300) if len(one.text.split()) > 50]
    settings = DeduplicateSettings(near=NearSettings(long_words=1))
    deduplicator = Deduplicator(settings)
    peer = MinHashLSH(threshold=0.8, num_perm=128, params=(18, 7))
    sketches: dict[str, MinHash] = {}
    agreed = 0
    for one in corpus:
        words = word_bytes(one.text)
        sketch = MinHash(num_perm=128)
        sketch.update_batch([b" ".join(words[n : n + 5]) for n in range(len(words) - 4)])
        found = [name for name in peer.query(sketch) if sketch.jaccard(sketches[name]) >= 0.8]
        verdict = deduplicator.add(one)
        agreed += verdict.keep != bool(found)
        if verdict.keep:
            peer.insert(one.id, sketch)
            sketches[one.id] = sketch
    # Near the threshold the two estimates may fall on different sides.
    assert agreed > 0.95 * len(corpus)
    assert deduplicator.report().dropped > 20


def test_a_stream_is_judged_as_its_documents_are():
    corpus = random_corpus(4, 400)
    one_by_one, together = Deduplicator(), Deduplicator()
    expected = [(one, one_by_one.add(one, split="dev")) for one in corpus]
    assert list(together.add_all(corpus, split="dev")) == expected
    assert together.report() == one_by_one.report()
    assert any(not verdict.keep or verdict.kind for _, verdict in expected)


def test_a_bounded_state_for_each_document():
    deduplicator = Deduplicator()
    for one in random_corpus(3, 1500):
        deduplicator.add(one)
    # The tables of either kind of shingle begin with room for a thousand texts.
    empty = Deduplicator().num_bytes
    assert (deduplicator.num_bytes - empty) / 1500 < 450


def test_the_same_verdicts_whatever_the_hash_seed():
    code = (
        "from ossamma.data.deduplicate import *\n"
        "deduplicator = Deduplicator()\n"
        "words = [f'w{n * n % 91}' for n in range(400)]\n"
        "for n in range(60):\n"
        "    text = ' '.join(words[n % 7 : n % 7 + 30 + n % 5])\n"
        "    print(deduplicator.add(Document(f'd{n}', text), split='dev' if n < 9 else 'train'))\n"
        "print(deduplicator.report().to_json())"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT / "src")},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


def test_impossible_settings():
    with pytest.raises(ConfigurationError, match="examples"):
        DeduplicateSettings(examples=-1)


SKIP = ConllFormat(on_error="skip", drop_empty_words=True)


@pytest.mark.data
@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        # 94 test sentences are in train to the letter; case folding adds five.
        ("aptner/APTNERtest.txt", "aptner/APTNERtrain.txt", 111),
        ("dnrti/test.txt", "dnrti/train.txt", 610),
        (
            "fewnerd_structshot_inter/data/fewnerd/test.txt",
            "fewnerd_structshot_inter/data/fewnerd/dev.txt",
            148,
        ),
    ],
)
def test_training_sentences_that_real_test_files_have(first, second, expected):
    """How many sentences of the second file go because the first has them."""
    deduplicator = Deduplicator(DeduplicateSettings(near=None))
    counts = []
    for name, split in [(first, "test"), (second, "train")]:
        corpus = read_conll(Path(os.environ["OSSAMMA_MIRROR"], name), SKIP)
        verdicts = [
            deduplicator.add(replace(one, dataset=name), split=split) for one in corpus.documents
        ]
        counts.append(sum(verdict.split == "test" for verdict in verdicts if not verdict.keep))
    assert counts == [0, expected]
