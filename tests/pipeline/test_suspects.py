"""Suspects of a file come from models that have not seen it, in any number of processes."""

from __future__ import annotations

import json
import random
from dataclasses import replace

import pytest

from ossamma.data.readers.jsonl import read_jsonl, write_jsonl
from ossamma.pipeline import fold_readings
from ossamma.pipeline.run_family import RunFamily
from ossamma.pipeline.suspects import SuspectRequest, suspects
from ossamma.schema.errors import CheckpointError, ConfigurationError, DataError
from tests import tiny

pytestmark = pytest.mark.e2e
FILES = ("suspects.jsonl", "suspects.json", "suspects.html", "suspects.md", "suggested.jsonl")
KEYS = ["rank", "kind", "document", "dataset", "given", "suggested", "score"]


def request(folder, documents=None, **changes):
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "marked.jsonl"
    if not file.exists():
        write_jsonl(file, documents or tiny.documents(40, 5))
    family = RunFamily(
        profile="native", train=file, dev=file, assignments=(*tiny.ASSIGNMENTS, *SETTINGS)
    )
    fields = {"family": family, "out": folder / "out", "folds": 2}
    return SuspectRequest(**{**fields, **changes})


SETTINGS = ("training.epochs=4",)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    made = request(tmp_path_factory.mktemp("suspects"))
    return made, suspects(made)


def rows(made):
    return [json.loads(line) for line in (made.out / "suspects.jsonl").read_text().splitlines()]


def test_no_document_is_read_by_a_model_that_learned_from_it(done):
    made, _ = done
    everything = {d.id for d in read_jsonl(made.family.train).documents}
    held = []
    for fold in ("fold-1", "fold-2"):
        answer = json.loads((made.out / "answers" / f"{fold}.json").read_text())
        read = {reading["id"] for reading in answer["readings"]}
        sides = [
            {d.id for d in read_jsonl(made.out / "folds" / fold / f"{name}.jsonl").documents}
            for name in ("train", "dev")
        ]
        assert not read & sides[0]
        assert not read & sides[1]
        assert not sides[0] & sides[1]
        assert read | sides[0] | sides[1] == everything
        held += read
    assert sorted(held) == sorted(everything)


def test_all_forms_say_the_same(done):
    made, outcome = done
    assert all((made.out / name).is_file() for name in FILES)
    content = json.loads((made.out / "suspects.json").read_text())
    assert content == json.loads(json.dumps(outcome.content))
    found = rows(made)
    assert [row["rank"] for row in found] == list(range(1, len(found) + 1))
    assert sum(content["kinds"].values()) == len(found) == len(outcome.found.suspects)
    per_type = content["types"].values()
    assert sum(row["doubted"] + row["missing"] for row in per_type) == len(found)
    assert content["source"]["marks"] == sum(row["marks"] for row in per_type)
    texts = {d.id: d.text for d in read_jsonl(made.family.train).documents}
    assert found, "a model of four epochs disagrees somewhere"
    for row in found:
        assert list(row)[: len(KEYS)] == KEYS
        text = texts[row["document"]]
        start = row["context"]["start"]
        assert text[start : start + len(row["context"]["text"])] == row["context"]["text"]
        for side in (row["given"], row["suggested"]):
            assert side is None or text[side["start"] : side["end"]] == side["text"]
    page = (made.out / "suspects.html").read_text()
    assert page.count("<li data-relation") == len(found)
    assert "Content-Security-Policy" in page


def test_the_file_stays_and_suggestions_are_a_proposal_beside_it(done, tmp_path):
    made, outcome = done
    before = read_jsonl(made.family.train).documents
    assert before == tuple(
        replace(d, provenance=b.provenance)
        for d, b in zip(tiny.documents(40, 5), before, strict=True)
    )
    surest = replace(made, suggest_from=0.0, out=tmp_path / "out")
    # The answers are there already: nothing is trained again.
    for name in ("folds", "answers"):
        (tmp_path / "out").mkdir(exist_ok=True)
        (tmp_path / "out" / name).symlink_to(made.out / name)
    assert suspects(surest).content["kinds"] == outcome.content["kinds"]
    after = read_jsonl(tmp_path / "out" / "suggested.jsonl").documents
    assert [d.id for d in after] == [d.id for d in before]
    assert [d.text for d in after] == [d.text for d in before]
    changed = {d.id for d, b in zip(after, before, strict=True) if d.annotations != b.annotations}
    assert changed == {row["document"] for row in rows(made) if row["score"] >= 0.0}


def test_a_single_fold_reads_what_it_has_learned(tmp_path):
    made = request(tmp_path, folds=1)
    content = suspects(made).content
    everything = {document.id for document in tiny.documents(40, 5)}
    folder = made.out / "folds" / "fold-1"
    assert {d.id for d in read_jsonl(folder / "train.jsonl").documents} == everything
    dev = {d.id for d in read_jsonl(folder / "dev.jsonl").documents}
    assert len(dev) == 4
    answer = json.loads((made.out / "answers" / "fold-1.json").read_text())
    assert {reading["id"] for reading in answer["readings"]} == everything
    assert content["estimate"] == {"not_measurable": "the model has learned the marks"}
    assert content["models"] == "one model that was trained on all documents"


def test_finished_folds_are_kept(done, monkeypatch):
    made, outcome = done
    monkeypatch.setattr(fold_readings, "train", lambda *_: pytest.fail("a fold is trained again"))
    assert suspects(made).content == outcome.content


def test_workers_change_nothing(done, tmp_path):
    made, outcome = done
    both = request(tmp_path, workers=2)
    assert suspects(both).content | {"source": 0, "folds": 0} == outcome.content | {
        "source": 0,
        "folds": 0,
    }
    assert (both.out / "suspects.jsonl").read_text() == (made.out / "suspects.jsonl").read_text()


def test_what_was_interrupted_goes_on(done, tmp_path, monkeypatch):
    _, outcome = done
    made = request(tmp_path)
    real, calls = fold_readings.train, []

    def interrupted(run, console=None):
        calls.append(run)

        def watch(epoch, scores):
            if len(calls) == 2 and epoch == 2:
                raise KeyboardInterrupt
            return False

        return real(run, console, watch=watch)

    monkeypatch.setattr(fold_readings, "train", interrupted)
    with pytest.raises(KeyboardInterrupt):
        suspects(made)
    assert not (made.out / "suspects.json").exists()
    monkeypatch.undo()
    assert suspects(made).content["scores"] == outcome.content["scores"]


def test_other_settings_in_the_same_folder_are_refused(done):
    made, _ = done
    family = replace(made.family, assignments=tiny.ASSIGNMENTS)
    with pytest.raises(CheckpointError, match=r"recipe\.training\.epochs was 4, now it is 2"):
        suspects(replace(made, family=family))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return tiny.train_native(tmp_path_factory.mktemp("run"))


def test_a_bundle_reads_a_file_that_it_does_not_know(trained, tmp_path):
    run = trained.request.out
    made = request(tmp_path, bundle=run)
    content = suspects(made).content
    assert content["folds"] == []
    assert content["notes"] == []
    assert not (made.out / "runs").exists()
    (tmp_path / "moved").symlink_to(run / "bundle")
    moved = replace(made, bundle=tmp_path / "moved")
    assert "does not say what it was trained on" in suspects(moved).content["notes"][0]


@pytest.mark.parametrize("name", ["train", "dev"])
@pytest.mark.parametrize("inside", ["", "bundle"])
def test_a_bundle_is_not_asked_of_what_it_has_learned(trained, tmp_path, name, inside):
    family = replace(request(tmp_path).family, train=getattr(trained.request, name))
    made = request(tmp_path, family=family, bundle=trained.request.out / inside)
    with pytest.raises(DataError, match=f"is the {name} file of"):
        suspects(made)


def test_groups_are_held_out_whole(tmp_path):
    grouped = [
        replace(document, group=f"g{index // 5}")
        for index, document in enumerate(tiny.documents(60, 6))
    ]
    folds = {}
    for document in grouped:
        folds.setdefault(document.group, set()).add(fold_readings.fold_of(document, 3))
    assert all(len(found) == 1 for found in folds.values())
    assert len(set().union(*folds.values())) == 3


def test_too_few_documents_are_refused(tmp_path):
    made = request(tmp_path, tiny.documents(2, 1), folds=5)
    with pytest.raises(DataError, match=r"fold \d of 5: expected documents to hold out"):
        suspects(made)


def test_unlabelled_documents_are_refused(tmp_path):
    unlabelled = [replace(document, annotations=None) for document in tiny.documents(4, 1)]
    with pytest.raises(DataError, match="got one without annotations"):
        suspects(request(tmp_path, [*tiny.documents(9, 2, "e"), *unlabelled]))


def test_what_a_request_cannot_say(tmp_path):
    for changes in ({"folds": 0}, {"workers": 0}, {"suggest_from": 1.5}):
        with pytest.raises(ConfigurationError):
            request(tmp_path, **changes)


def test_planted_errors_stand_first(tmp_path):
    """A model of forty epochs knows the tiny world; a tenth of its marks is given another type."""
    generator = random.Random(3)
    documents, planted = [], set()
    for document in tiny.documents(160, 9):
        marks = list(document.annotations)
        if generator.random() < 0.1:
            index = generator.randrange(len(marks))
            other = "PLACE" if marks[index].label == "PERSON" else "PERSON"
            marks[index] = replace(marks[index], labels=(other,))
            planted.add((document.id, marks[index].start))
        documents.append(replace(document, annotations=tuple(marks)))
    made = request(tmp_path, documents)
    family = replace(made.family, assignments=(*tiny.ASSIGNMENTS, "training.epochs=10"))
    suspects(replace(made, family=family))
    first = rows(made)[: len(planted)]
    hits = [(row["document"], row["given"]["start"]) in planted for row in first if row["given"]]
    assert len(planted) > 8
    assert sum(hits) >= 0.8 * len(planted)
