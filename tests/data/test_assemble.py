from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ossamma.data.assemble import AssembleSettings, Shard, assemble, check_leaks
from ossamma.data.leaks import LeakSettings
from ossamma.data.near_index import NearSettings
from ossamma.data.readers.jsonl import stream_jsonl, write_jsonl
from ossamma.data.split import PRIORITY, SplitSettings
from ossamma.schema.errors import DataError
from ossamma.schema.spans import Annotation, Document

LONG = "the quick brown fox jumps over one lazy dog today"
HALF = AssembleSettings(split=SplitSettings(shares={"test": 0.3, "dev": 0.2, "train": 0.5}))


def doc(name, text, dataset="a", **fields):
    fields = {"annotations": (), "annotates": frozenset({"PLACE"})} | fields
    return Document(id=name, text=text, dataset=dataset, **fields)


@pytest.fixture
def run(tmp_path):
    def run(*parts, given=HALF):
        """Each part is (official split or None, documents)."""
        out, work = tmp_path / "out", tmp_path / "work"
        out.mkdir(exist_ok=True)
        work.mkdir(exist_ok=True)
        shards = []
        for number, (official, documents) in enumerate(parts):
            path = tmp_path / f"{number}.jsonl"
            write_jsonl(path, documents)
            shards.append(Shard(path, official))
        report = assemble(shards, out, work, given)
        splits = {split: list(stream_jsonl(out / f"{split}.jsonl")) for split in PRIORITY}
        dropped = [json.loads(line) for line in (out / "dropped.jsonl").read_text().splitlines()]
        check_leaks(out, given.leaks)
        return splits, dropped, report

    return run


def test_a_training_document_gives_way_to_its_copy_in_test(run):
    splits, dropped, report = run(
        ("train", [doc("a", LONG), doc("b", "something else entirely")]),
        ("test", [doc("c", LONG.upper())]),
    )
    assert [[d.id for d in splits[name]] for name in PRIORITY] == [["c"], [], ["b"]]
    [line] = dropped
    assert (line["id"], line["of"], line["reason"], line["split"]) == (
        "a",
        "c",
        "exact duplicate",
        "train",
    )
    assert report.to_json()["duplicates"] == {"exact": 1}


def test_the_first_source_stays_and_takes_over_what_the_second_marks(run):
    place = Annotation(4, 9, ("PLACE",))
    person = Annotation(16, 19, ("PERSON",))
    splits, dropped, report = run(
        ("train", [doc("a", LONG, annotations=(place,))]),
        ("train", [doc("b", LONG, "b", annotations=(person,), annotates=frozenset({"PERSON"}))]),
    )
    [document] = splits["train"]
    assert document.id == "a"
    assert document.annotations == (place, person)
    assert document.annotates == {"PLACE", "PERSON"}
    assert dropped[0]["reason"] == "exact duplicate, merged"
    assert report.merged == {"documents": 1, "added": 1, "agreed": 0, "refused": 0}


def test_all_data_sets_of_one_text_are_merged_in_their_order(run):
    marks = [Annotation(4, 9, (name,)) for name in ("A|B|C", "B|C|D", "C|X")]
    parts = [
        [
            doc(
                f"{n}-{m}", f"{m} {LONG[m:]}", f"set{n}", annotations=(mark,), annotates=frozenset()
            )
            for m in range(3)
        ]
        for n, mark in enumerate(
            replace(mark, labels=tuple(mark.labels[0].split("|"))) for mark in marks
        )
    ]
    splits, dropped, report = run(*(("train", part) for part in parts))
    assert [document.id for document in splits["train"]] == ["0-0", "0-1", "0-2"]
    assert [document.annotations[0].label for document in splits["train"]] == ["C"] * 3
    assert report.merged["documents"] == 6
    assert [line["id"] for line in dropped] == [f"{n}-{m}" for n in (1, 2) for m in range(3)]


def test_documents_that_nothing_is_done_to_keep_their_lines(run, tmp_path):
    mark = Annotation(4, 9, ("PLACE",), "lexicon:places", 0.25)
    run(("train", [doc("a", LONG, annotations=(mark,), weight=3.0, group="g")]))
    assert (tmp_path / "out/train.jsonl").read_bytes() == (tmp_path / "0.jsonl").read_bytes()


def test_leaks_may_be_looked_for_by_other_settings_than_duplicates(run):
    """The words after the first ten are new: the two are near by a lower threshold alone."""
    near = f"{LONG} and {LONG[::-1]}"
    parts = [("test", [doc("t", LONG[::-1] + f" and {LONG}")]), ("train", [doc("a", near + " so")])]
    loose = LeakSettings(sentence_words=50, near=NearSettings(threshold=0.3, recall=0.9))
    splits, *_ = run(*parts, given=replace(HALF, leaks=replace(loose, near=None)))
    assert [d.id for d in splits["train"]] == ["a"]
    splits, dropped, _ = run(*parts, given=replace(HALF, leaks=loose))
    assert splits["train"] == []
    assert dropped[0]["reason"] == "near leak"


def test_a_copy_within_one_data_set_adds_nothing(run):
    """Two annotations of one corpus contradict each other; they are not two corpora."""
    person = Annotation(16, 19, ("PERSON",))
    splits, *_ = run(
        ("train", [doc("a", LONG), doc("b", LONG, annotations=(person,))]),
    )
    assert splits["train"] == [splits["train"][0]]
    assert splits["train"][0].annotations == ()


def test_a_held_out_sentence_is_cut_out_of_training(run):
    mark = Annotation(0, 3, ("PLACE",))
    rest = "Ada went home early that day."
    splits, dropped, report = run(
        ("test", [doc("t", f"{LONG}.")]),
        ("train", [doc("a", f"{rest}\n{LONG}.", annotations=(mark,))]),
    )
    [document] = splits["train"]
    assert document.text.strip() == rest
    assert document.annotations == (mark,)
    assert dropped[0]["reason"] == "sentence leak, sentences cut"
    assert report.leaked == {"cut": 1}


def test_a_group_is_never_parted(run):
    texts = [f"{word} {LONG[::-1]} {word}" for word in "abcdefgh"]
    splits, *_ = run(
        ("train", [doc("a", texts[0], group="g"), doc("b", texts[1])]),
        ("test", [doc("c", texts[2], group="g")]),
        (None, [doc("d", texts[3], group="g")]),
    )
    assert {d.id for d in splits["test"]} >= {"a", "c", "d"} - {
        d.id for name in ("dev", "train") for d in splits[name]
    }
    assert not {"a", "d"} & {d.id for d in splits["train"]}


words = st.sampled_from(["one", "two", "three", "four", "five", "six", "Oslo", "Ada"])
texts = st.lists(words, min_size=1, max_size=14).map(" ".join)
splits_given = st.sampled_from([*PRIORITY, None])


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(st.tuples(splits_given, st.lists(texts, min_size=1, max_size=6)), max_size=4))
def test_every_document_is_written_once_or_listed_with_its_reason(run, parts):
    numbered = [
        (official, [doc(f"{n}-{m}", text, f"set{n}") for m, text in enumerate(found)])
        for n, (official, found) in enumerate(parts)
    ]
    splits, dropped, report = run(*numbered)
    written = [d.id for name in PRIORITY for d in splits[name]]
    gone = [line["id"] for line in dropped if not line["reason"].endswith("cut")]
    given_ids = [d.id for _, documents in numbered for d in documents]
    assert sorted(written + gone) == sorted(given_ids)
    assert report.read == len(given_ids)
    assert report.written.total() == len(written)
    cut = report.leaked["cut"]
    assert report.duplicates.total() + report.leaked.total() - cut == len(gone)


def test_the_same_shards_give_the_same_bytes(run, tmp_path):
    parts = [
        (None, [doc(f"{n}", f"{n} {LONG[n:]} {n * 7919}") for n in range(30)]),
        ("test", [doc("t", f"3 {LONG[3:]}")]),
    ]
    run(*parts)
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    run(*parts)
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def test_a_set_that_leaks_is_refused(tmp_path):
    for split in PRIORITY:
        write_jsonl(tmp_path / f"{split}.jsonl", [doc(split, LONG)])
    with pytest.raises(DataError, match="share no document"):
        check_leaks(tmp_path, LeakSettings())
