"""The server takes a spaCy model as it takes a bundle, and answers what the model finds."""

from __future__ import annotations

import time
from http import HTTPStatus

import pytest
import spacy
from fastapi.testclient import TestClient

from ossamma.pipeline.served_models import load_served
from ossamma.schema.errors import ConfigurationError
from ossamma.serving.app import create_app
from ossamma.spacy_path.model_folder import checksum_of

OK = HTTPStatus.OK


def write_model(folder):
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": "PLACE", "pattern": "Oslo"}])
    nlp.to_disk(folder)
    return folder


def test_a_spacy_model_has_the_facts_that_the_server_shows(tmp_path):
    loaded = load_served(write_model(tmp_path / "model"))
    assert loaded.types == ("PLACE",)
    assert loaded.checksum == checksum_of(tmp_path / "model")
    laid = [loaded.stages.lay_out(text) for text in ("in Oslo", "", "  ")]
    assert [bool(loaded.stages.lengths(each)) for each in laid] == [True, False, False]
    found = loaded.stages.decode(laid)
    assert [[e.text for e in entities] for entities in found] == [["Oslo"], [], []]


def test_it_stays_on_the_cpu(tmp_path):
    with pytest.raises(ConfigurationError, match="spaCy model"):
        load_served(write_model(tmp_path / "model"), device="cuda")


def test_it_is_served(tmp_path):
    app = create_app({"default": write_model(tmp_path / "model")}, loader=load_served)
    with TestClient(app) as client:
        while client.get("/ready").status_code != OK:
            time.sleep(0.01)
        answer = client.post("/ner", json={"text": "She is in Oslo."})
    assert answer.status_code == OK, answer.text
    (entity,) = answer.json()["entities"]
    assert (entity["text"], entity["label"], entity["start"]) == ("Oslo", "PLACE", 10)
