"""A bundle is scored on what a file says, in the types it was trained with."""

from __future__ import annotations

import json

import pytest

from ossamma.export.bundle import load
from ossamma.pipeline.corpora import read_split
from ossamma.pipeline.judgement import GoldRequest
from ossamma.pipeline.scoring import (
    judge_bundle,
    profile_of,
    score,
    score_bundle,
    without_words,
)
from ossamma.schema.errors import BundleError, ProfileError
from ossamma.schema.profile import load_profile
from ossamma.schema.spans import Document, Span
from tests import tiny


def test_the_scores_are_those_of_the_run(trained):
    bundle, test = trained.outcome.bundle, trained.request.test
    assert score_bundle(bundle, test) == trained.outcome.test
    assert score_bundle(trained.request.out, trained.request.dev) == trained.outcome.dev


def test_the_tiny_run_learns_something(trained):
    """Otherwise the comparisons with it would compare zeros."""
    assert trained.outcome.test.micro.f1 > 0.2


def test_gold_of_other_labels_is_mapped_on_request(trained, tmp_path):
    names = {"PERSON": "person", "PLACE": "location"}
    gold = tiny.write_conll(tmp_path / "g.conll", tiny.documents(8, 2, "test"), names)
    with pytest.raises(ProfileError, match="does not know the labels location, person"):
        score_bundle(trained.outcome.bundle, gold)
    mapped = score_bundle(trained.outcome.bundle, gold, profile="rag9", table="wnut17")
    assert mapped.micro == trained.outcome.test.micro


def test_without_words_a_document_is_raw_text():
    document = Document(
        id="d", text="a b", words=(Span(0, 1), Span(2, 3)), sentence_starts=(0,), annotations=()
    )
    assert without_words(document) == Document(id="d", text="a b", annotations=())


def test_resplitting_scores_what_raw_text_gives(trained):
    bundle, test = trained.outcome.bundle, trained.request.test
    recogniser = load(bundle)
    gold = read_split(test, profile_of(bundle)).documents
    raw = [Document(id=d.id, text=d.text, annotations=d.annotations) for d in gold]
    assert score_bundle(bundle, test, resplit=True) == score(recogniser, raw)


def test_the_profile_of_a_native_bundle_is_rebuilt_from_it(trained):
    profile = profile_of(trained.outcome.bundle)
    assert (profile.name, profile.labels, profile.datasets) == ("native", tiny.LABELS, {})


def labels_file(tmp_path, profile, tags):
    folder = tmp_path / "bundle"
    folder.mkdir()
    types = [{"name": tag[2:], "description": "", "examples": []} for tag in tags if tag[0] == "B"]
    content = {"profile": profile, "types": types, "tags": tags}
    (folder / "labels.json").write_text(json.dumps(content))
    return folder


def test_a_shipped_profile_comes_with_its_tables(tmp_path):
    rag9 = load_profile("rag9")
    folder = labels_file(tmp_path, "rag9", list(rag9.labels.tags))
    assert profile_of(folder) == rag9


@pytest.mark.parametrize("name", ["rag9", "mine", "../../etc/passwd"])
def test_a_profile_that_is_not_the_shipped_one_is_rebuilt(tmp_path, name):
    profile = profile_of(labels_file(tmp_path, name, ["O", "B-X", "I-X"]))
    assert (profile.labels.types, profile.datasets) == (("X",), {})


def test_a_folder_without_a_bundle_is_refused(tmp_path, trained):
    with pytest.raises(BundleError, match="is not a bundle"):
        score_bundle(tmp_path, trained.request.test)


def test_a_judgement_knows_its_system(trained):
    bundle = trained.outcome.bundle
    done = []
    judgement = judge_bundle(
        bundle,
        GoldRequest(files=(trained.request.test,), profile="native"),
        on_document=lambda *numbers: done.append(numbers),
    )
    system = judgement.system
    assert system["name"] == trained.request.out.name
    assert system["checksum"] == json.loads((bundle / "metadata.json").read_text())["checksum"]
    assert (system["kind"], system["calibrated"]) == ("bundle", False)
    number = len(judgement.documents)
    assert done == [(index, number) for index in range(1, number + 1)]
    assert judgement.training["best_f1"] > 0.0
    assert judgement.speed is None


def test_resplitting_is_noted_in_the_report(trained):
    request = GoldRequest(files=(trained.request.test,))
    notes = judge_bundle(trained.outcome.bundle, request, resplit=True).system["notes"]
    assert any("not by the words of the gold files" in note for note in notes)
