"""A bundle in a spaCy pipeline finds what it finds elsewhere, and says what does not fit."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest
import spacy
from spacy import displacy
from spacy.tokens import Doc, DocBin
from spacy.training import Example

from ossamma.export.bundle import load, save_bundle
from ossamma.schema.errors import BundleError, ConfigurationError
from tests import tiny

FACTS = {"checkpoint_epoch": 3.0, "val_f1": 0.5}
TEXTS = ["Ada Lovelace met Alan Turing in New York", "", "Oslo\nLima 👍🏽", "Emmy, Paris (old)."]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "bundle"
    pieces = tiny.tokenizer()
    save_bundle(folder, tiny.model(pieces, seed=2), pieces, tiny.PROFILE, facts=FACTS)
    return folder


def pipeline(bundle, **config):
    nlp = spacy.blank("en")
    nlp.add_pipe("ossamma_ner", config={"bundle": str(bundle), **config})
    return nlp


def ents(doc):
    return [(e.start_char, e.end_char, e.label_, round(e._.confidence, 6)) for e in doc.ents]


def test_spacy_finds_the_factory_by_its_entry_point():
    assert "ossamma_ner" in {e.name for e in entry_points(group="spacy_factories")}


def test_what_fits_is_what_the_bundle_finds_and_the_rest_is_told(bundle):
    nlp = pipeline(bundle)
    expected = load(bundle).recognise(TEXTS)
    for doc, entities in zip(nlp.pipe(TEXTS), expected, strict=True):
        widened = {(e["start"], e["end"]) for e in doc._.ossamma_widened}
        left_out = {(e["start"], e["end"]) for e in doc._.ossamma_left_out}
        for entity in entities:
            known = (entity.start, entity.end, entity.label, round(entity.confidence, 6))
            is_told = (entity.start, entity.end) in widened | left_out
            assert (known in ents(doc)) != is_told
        assert len(doc.ents) == len(entities) - len(left_out)
    counts = nlp.get_pipe("ossamma_ner").counts
    assert counts.placed + counts.left_out == sum(map(len, expected)) > 0


def test_one_by_one_is_as_in_a_batch(bundle):
    nlp = pipeline(bundle)
    together = [ents(doc) for doc in nlp.pipe(TEXTS, batch_size=3)]
    assert together == [ents(nlp(text)) for text in TEXTS]


def test_the_span_group_has_the_scores_and_survives_a_docbin(bundle):
    doc = pipeline(bundle)(TEXTS[0])
    group = doc.spans["ossamma"]
    assert list(group) == list(doc.ents)
    assert list(group.attrs["scores"]) == [e._.confidence for e in doc.ents]
    stored = DocBin(store_user_data=True, docs=[doc]).to_bytes()
    back = next(DocBin().from_bytes(stored).get_docs(spacy.blank("en").vocab))
    assert ents(back) == ents(doc)
    assert list(back.spans["ossamma"].attrs["scores"]) == list(group.attrs["scores"])


def test_without_a_key_there_is_no_span_group(bundle):
    assert not pipeline(bundle, spans_key="")(TEXTS[0]).spans


def test_with_spacys_words_every_entity_fits(bundle):
    nlp = pipeline(bundle, words="spacy")
    docs = list(nlp.pipe([*TEXTS, "Oslo-Paris/Lima, can't; U.S. $5"]))
    assert not any(doc._.ossamma_widened or doc._.ossamma_left_out for doc in docs)
    assert any(doc.ents for doc in docs)


def test_an_entity_inside_a_token_is_widened_and_two_in_one_are_told_of(bundle, caplog):
    nlp = pipeline(bundle)
    text = TEXTS[0]
    whole = Doc(nlp.vocab, words=[text], spaces=[False])  # one token for everything
    with caplog.at_level(logging.WARNING):
        doc = nlp.get_pipe("ossamma_ner")(whole)
    found = load(bundle).recognise([text])[0]
    assert len(found) > 1
    assert len(doc.ents) == len(doc._.ossamma_widened) == 1
    assert len(doc._.ossamma_left_out) == len(found) - 1
    assert {item["reason"] for item in doc._.ossamma_left_out} == {"overlap"}
    assert f"{len(found) - 1} entities do not fit" in caplog.text


def test_entities_that_were_there_give_way_or_stay(bundle):
    for overwrite in (True, False):
        nlp = spacy.blank("en")
        ruler = nlp.add_pipe("entity_ruler")
        ruler.add_patterns([{"label": "OWN", "pattern": text} for text in ("Ada", "met")])
        nlp.add_pipe("ossamma_ner", config={"bundle": str(bundle), "overwrite_ents": overwrite})
        labels = {e.label_ for e in nlp(TEXTS[0]).ents}
        assert ("OWN" in labels) is not overwrite


def test_confidence_limits_what_is_kept(bundle):
    everything = [e for doc in pipeline(bundle).pipe(TEXTS) for e in ents(doc)]
    least = sorted(e[3] for e in everything)[len(everything) // 2]
    kept = [e for doc in pipeline(bundle, min_confidence=least).pipe(TEXTS) for e in ents(doc)]
    assert 0 < len(kept) < len(everything)
    assert all(e[3] >= round(least, 6) for e in kept)


def test_a_saved_pipeline_carries_the_bundle(bundle, tmp_path):
    source = shutil.copytree(bundle, tmp_path / "source")
    nlp = pipeline(source)
    before = [ents(doc) for doc in nlp.pipe(TEXTS)]
    nlp.to_disk(tmp_path / "saved")
    shutil.rmtree(source)
    again = spacy.load(tmp_path / "saved")
    assert [ents(doc) for doc in again.pipe(TEXTS)] == before
    assert again.pipe_labels["ossamma_ner"] == ["PERSON", "PLACE"]
    again.to_disk(tmp_path / "twice")
    shutil.rmtree(tmp_path / "saved")
    assert [ents(doc) for doc in spacy.load(tmp_path / "twice").pipe(TEXTS)] == before


def test_bytes_carry_the_bundle(bundle):
    nlp = pipeline(bundle)
    content = nlp.to_bytes()
    again = spacy.blank("en")
    again.add_pipe("ossamma_ner")
    again.from_bytes(content)
    assert [ents(doc) for doc in again.pipe(TEXTS)] == [ents(doc) for doc in nlp.pipe(TEXTS)]
    assert again.get_pipe("ossamma_ner").to_bytes() == nlp.get_pipe("ossamma_ner").to_bytes()


def test_a_damaged_bundle_in_a_saved_pipeline_is_refused(bundle, tmp_path):
    pipeline(bundle).to_disk(tmp_path / "saved")
    weights = tmp_path / "saved" / "ossamma_ner" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    with pytest.raises(BundleError, match="damaged or was changed"):
        spacy.load(tmp_path / "saved")


def test_faults_of_the_user_are_named(tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("ossamma_ner")
    with pytest.raises(BundleError, match="has no bundle"):
        nlp("Oslo")
    with pytest.raises(BundleError, match="found none"):
        pipeline(tmp_path / "nowhere")("Oslo")
    for config in ({"words": "mine"}, {"thresholds": "f2"}, {"min_confidence": 2.0}):
        with pytest.raises(ConfigurationError):
            pipeline(tmp_path, **config)


def test_spacys_error_handler_decides(bundle):
    nlp = pipeline(bundle)
    seen = []
    nlp.set_error_handler(lambda name, pipe, docs, error: seen.append((name, len(docs))))
    nlp.get_pipe("ossamma_ner")._folder = Path("gone")
    assert list(nlp.pipe(["a", "b"])) == []
    assert seen == [("ossamma_ner", 2)]


def test_spacys_scorer_and_displacy_work_on_it(bundle):
    nlp = pipeline(bundle, words="spacy")
    examples = []
    for doc in nlp.pipe(TEXTS[:1]):
        gold = doc.copy()
        examples.append(Example(nlp.make_doc(doc.text), gold))
    assert nlp.evaluate(examples)["ents_f"] == 1.0
    html = displacy.render(nlp(TEXTS[0]), style="ent")
    assert "PERSON" in html
    assert displacy.render(nlp(TEXTS[0]), style="span", options={"spans_key": "ossamma"})


@pytest.mark.slow
def test_spacy_package_gives_a_package_that_works_where_it_is_installed(bundle, tmp_path):
    """Only the package and its data come from the installation; ossamma is there already."""
    nlp = pipeline(bundle)
    expected = [ents(doc) for doc in nlp.pipe(TEXTS)]
    nlp.to_disk(tmp_path / "saved")
    (tmp_path / "out").mkdir()
    run(
        ["-m", "spacy", "package", tmp_path / "saved", tmp_path / "out", "--name", "tiny"], tmp_path
    )
    (package,) = (tmp_path / "out").iterdir()
    assert "ossamma" in (package / "meta.json").read_text(encoding="utf-8")
    target = tmp_path / "site"
    pip = ["-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--target", target]
    run([*pip, package], tmp_path)
    shutil.rmtree(tmp_path / "saved")
    code = (
        "import spacy; nlp = spacy.load('en_tiny');"
        f"print([[(e.start_char, e.end_char, e.label_, round(e._.confidence, 6)) for e in d.ents]"
        f" for d in nlp.pipe({TEXTS!r})])"
    )
    done = run(["-c", code], tmp_path, PYTHONPATH=str(target))
    assert done.stdout.strip() == str(expected)


def run(arguments, folder, **environment):
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done
