from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.data.deduplicate import Deduplicator
from ossamma.data.leak_report import SurfaceOverlap, assert_no_leaks, leak_report
from ossamma.data.leaks import HeldOut, LeakSettings, clean
from ossamma.data.minhash import normalise
from ossamma.data.readers.conll import ConllFormat, read_conll
from ossamma.schema.errors import DataError
from ossamma.schema.spans import Annotation, Document

LONG = "The quick brown fox jumps over the lazy dog and runs"
OTHER = "Nobody ever saw it again, they said in the village later on"


def documents(*texts: str) -> list[Document]:
    return [Document(f"d{number}", text) for number, text in enumerate(texts)]


def marked(text: str, *marks: tuple[int, int, str]) -> Document:
    annotations = tuple(Annotation(start, end, (label,)) for start, end, label in marks)
    return Document("m", text, annotations=annotations)


def test_both_sides_of_each_pair_are_counted():
    report = leak_report(
        {
            "train": documents(LONG, LONG, "other", f"{OTHER}. {LONG}."),
            "dev": documents(OTHER),
            "test": documents(LONG, "alone"),
        }
    )
    assert report.documents == {"test": 2, "dev": 1, "train": 4}
    counts = {
        (pair.held, pair.other): {
            kind: (count.held, count.other) for kind, count in pair.leaks.items()
        }
        for pair in report.pairs
    }
    nothing = {"exact": (0, 0), "near": (0, 0), "sentence": (0, 0)}
    assert counts == {
        ("test", "dev"): nothing,
        ("test", "train"): {"exact": (1, 2), "near": (0, 0), "sentence": (1, 3)},
        ("dev", "train"): {"exact": (0, 0), "near": (0, 0), "sentence": (1, 1)},
    }
    assert report.num_leaks() == 3
    assert report.num_leaks(["exact"]) == 1


short_texts = st.lists(st.text(st.sampled_from("aB "), max_size=3), max_size=8)


@given(short_texts, short_texts)
def test_exact_leaks_are_the_texts_in_common(held, train):
    report = leak_report({"test": documents(*held), "train": documents(*train)})
    sets = {normalise(text) for text in held}, {normalise(text) for text in train}
    count = report.pairs[0].leaks["exact"]
    assert count.held == sum(normalise(text) in sets[1] for text in held)
    assert count.other == sum(normalise(text) in sets[0] for text in train)


def test_copies_within_a_split_are_no_leak():
    assert leak_report({"test": documents(LONG, LONG), "train": []}).num_leaks() == 0


def test_surfaces_are_compared_by_type():
    test = marked("Ada Bob York Ada", (0, 3, "PER"), (4, 7, "PER"), (8, 12, "LOC"), (13, 16, "PER"))
    train = marked("ADA York", (0, 3, "PER"), (4, 8, "PER"))
    surfaces = leak_report({"test": [test], "train": [train]}).pairs[0].surfaces
    assert surfaces == {
        "LOC": SurfaceOverlap(surfaces=1, surfaces_seen=0, mentions=1, mentions_seen=0),
        "PER": SurfaceOverlap(surfaces=2, surfaces_seen=1, mentions=3, mentions_seen=2),
    }
    assert surfaces["PER"].share == 0.5


def test_the_report_is_json_with_examples():
    splits = {"test": documents(LONG), "train": documents(*[f"{LONG}."] * 4)}
    report = leak_report(splits, num_examples=2)
    table = json.loads(json.dumps(report.to_json()))
    examples = table["pairs"][0]["leaks"]["near"]["examples"]
    assert [(example["held_id"], example["id"]) for example in examples] == [
        ("d0", "d0"),
        ("d0", "d1"),
    ]
    assert table["pairs"][0]["leaks"]["near"]["other"] == 4


def test_near_duplicates_can_be_left_out():
    splits = {"test": documents(LONG), "train": documents(f"{LONG}.")}
    report = leak_report(splits, LeakSettings(near=None))
    assert report.pairs[0].leaks["near"].held == 0


def test_leaks_are_refused_with_counts_and_an_example():
    report = leak_report({"test": documents(LONG, "x"), "train": documents(LONG)})
    with pytest.raises(DataError) as caught:
        assert_no_leaks(report)
    message = str(caught.value)
    assert "1 of 2 documents of 'test' in 'train' (exact)" in message
    assert "'d0' in 'd0': 'The quick" in message
    assert_no_leaks(report, ["near"])


def test_splits_without_leaks_pass():
    assert_no_leaks(leak_report({"test": documents(LONG), "train": documents(OTHER)}))
    assert_no_leaks(leak_report({}))


def test_other_names_of_splits_stand_between_dev_and_train():
    report = leak_report({"train": [], "extra": documents(LONG), "dev": [], "test": []})
    assert list(report.documents) == ["test", "dev", "extra", "train"]


def read(name: str) -> tuple[Document, ...]:
    settings = ConllFormat(on_error="skip", drop_empty_words=True)
    return read_conll(Path(os.environ["OSSAMMA_MIRROR"], name), settings).documents


def read_leniently(name: str) -> list[Document]:
    """Every sentence as it stands, faulty lines and all: the first column is the word."""
    text = Path(os.environ["OSSAMMA_MIRROR"], name).read_text(encoding="utf-8", errors="replace")
    blocks = text.replace("\r", "").split("\n\n")
    sentences = [[line.split(" ")[0] for line in block.split("\n") if line] for block in blocks]
    return documents(*(" ".join(words) for words in sentences if words))


FEWNERD = "fewnerd_structshot_inter/data/fewnerd/"
# held-out file | training file | reader | held-out sentences, training sentences
REAL_LEAKS = [
    ("aptner/APTNERtest.txt", "aptner/APTNERtrain.txt", read, (99, 111)),
    ("dnrti/test.txt", "dnrti/train.txt", read_leniently, (363, 624)),
    ("dnrti/test.txt", "dnrti/train.txt", read, (352, 610)),
    ("dnrti/valid.txt", "dnrti/train.txt", read_leniently, (314, 500)),
    ("cyner/dataset/mitre/test.txt", "cyner/dataset/mitre/train.txt", read, (9, 17)),
    (FEWNERD + "test.txt", FEWNERD + "dev.txt", read, (149, 148)),
    ("mtl_jnlpba/data/JNLPBA/test.tsv", "mtl_jnlpba/data/JNLPBA/devel.tsv", read, (0, 0)),
]


@pytest.mark.data
@pytest.mark.parametrize(
    ("held", "train", "reader", "counts"),
    REAL_LEAKS,
    ids=[f"{held}-{reader.__name__}" for held, _, reader, _ in REAL_LEAKS],
)
def test_exact_leaks_of_real_splits(held, train, reader, counts):
    """Counts known from elsewhere come out, as far as they are of the same thing.

    APTNER is known to have 94 test sentences in train; these are equal to the letter, and folding
    case finds 5 more. DNRTI's 363 of 664 (and 314 of 662) include sentences with faulty lines,
    which our reader leaves out. Few-NERD's 148 are distinct sentences: one is in test twice.
    JNLPBA's known overlap is with a training file that is not at hand; its dev and test share no
    document.
    """
    splits = {"test": reader(held), "train": reader(train)}
    exact = leak_report(splits, LeakSettings(near=None)).pairs[0].leaks["exact"]
    assert (exact.held, exact.other) == counts


@pytest.mark.data
def test_real_near_leaks_are_mostly_punctuation():
    splits = {"test": read("aptner/APTNERtest.txt"), "train": read("aptner/APTNERtrain.txt")}
    near = leak_report(splits, num_examples=50).pairs[0].leaks["near"]
    assert near.held == 37
    assert sum(example.similarity == 1.0 for example in near.examples) > 0.5 * len(near.examples)


@pytest.mark.data
def test_real_leaks_to_the_letter():
    """Without folding of case there are the 94 that are known."""
    train = {document.text for document in read("aptner/APTNERtrain.txt")}
    assert sum(d.text in train for d in read("aptner/APTNERtest.txt")) == 94


@pytest.mark.data
def test_a_leaking_corpus_comes_out_clean():
    deduplicator = Deduplicator()
    kept: dict[str, list[Document]] = {}
    for split, name in [("test", "APTNERtest"), ("dev", "APTNERdev"), ("train", "APTNERtrain")]:
        found = read(f"aptner/{name}.txt")
        kept[split] = [d for d in found if deduplicator.add(d, split=split).keep]
    before = leak_report(kept)
    assert before.num_leaks(["exact", "near"]) == 0
    assert before.num_leaks(["sentence"]) > 0
    for split, held_splits in [("dev", ["test"]), ("train", ["test", "dev"])]:
        held = HeldOut()
        for held_split in held_splits:
            for document in kept[held_split]:
                held.add(document, held_split)
        kept[split] = [remaining for remaining, _ in clean(kept[split], held) if remaining]
    assert_no_leaks(leak_report(kept))
    assert len(kept["train"]) > 5000
