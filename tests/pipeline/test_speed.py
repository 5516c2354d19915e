"""The timing is of real text of the stated length, and says what it was measured on."""

from __future__ import annotations

import json

import pytest
import torch

from ossamma.pipeline.speed import measure_speed, text_of
from ossamma.schema.errors import DataError
from ossamma.schema.spans import Document
from ossamma.tokenization.alignment import align, words_of
from tests import tiny


def pieces(recogniser, text):
    document = Document(id="t", text=text)
    words = words_of(document)
    return sum(align(document, words, recogniser.tokenizer, recogniser.features).num_pieces)


@pytest.mark.parametrize("wanted", [12, 64, 512])
@pytest.mark.parametrize("number", [1, 40])
def test_the_text_is_as_long_as_can_be(trained, wanted, number):
    recogniser = trained.outcome.recogniser
    text = text_of(recogniser, tiny.documents(number, 3), pieces=wanted)
    longer = text_of(recogniser, tiny.documents(number, 3), pieces=wanted + 40)
    assert longer.startswith(text)
    more = longer[: longer.find(" ", len(text) + 1)]
    assert pieces(recogniser, text) <= wanted - 2 < pieces(recogniser, more) + 1


def test_the_figures_are_stated_with_the_hardware(trained):
    speed = measure_speed(trained.outcome.recogniser, tiny.documents(4, 3), batch=2, runs=1)
    content = speed.to_json()
    assert json.loads(json.dumps(content)) == content
    assert content["latency_ms"]["512"] > 0
    assert content["sequences_per_second"] > 0
    assert f"torch {torch.__version__}" in content["hardware"]
    assert "thread" in content["hardware"]


def test_nothing_cannot_be_timed(trained):
    with pytest.raises(DataError, match="at least one word"):
        measure_speed(trained.outcome.recogniser, [Document(id="a", text=" \n")])
