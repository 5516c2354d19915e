"""The encoder gives every token its vector, whatever the company, and lives without its folder."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import spacy
import torch
from transformers import AutoModel, AutoTokenizer

from ossamma.schema.errors import ConfigurationError
from ossamma.spacy_path.encoder import hugging_face_encoder
from ossamma.spacy_path.encoder_layout import lay_out
from tests import tiny
from tests.tiny_encoder import FAMILIES, WIDTH, write_encoder

TEXTS = [document.text for document in tiny.documents(20, 0)]
LONG = " ".join(TEXTS * 3)
NLP = spacy.blank("en")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_encoder(tmp_path_factory.mktemp("encoder") / "roberta", TEXTS)


def made(folder, **settings):
    given = {"name": str(folder), "width": WIDTH, "window": 100, "margin": 10} | settings
    model = hugging_face_encoder(**given)
    model.initialize(X=[NLP.make_doc("Oslo")])
    return model


def docs(*texts):
    return [NLP.make_doc(text) for text in texts]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_vector_is_the_mean_of_its_pieces_as_transformers_gives_them(tmp_path, family):
    folder = write_encoder(tmp_path / family, TEXTS, family)
    (doc,) = docs("Ada Lovelace met Grace Hopper-Noether in Oslo.")
    (found_TD,) = made(folder).predict([doc])
    tokenizer = AutoTokenizer.from_pretrained(folder, add_prefix_space=True)
    words = [token.text for token in doc]
    encoded = tokenizer(words, is_split_into_words=True, return_tensors="pt")
    with torch.no_grad():
        encoder = AutoModel.from_pretrained(folder).eval()
        hidden_LD = encoder(encoded["input_ids"], encoded["attention_mask"])[0][0]
    for number in range(len(doc)):
        inside = [i for i, word in enumerate(encoded.word_ids(0)) if word == number]
        expected_D = hidden_LD[inside].mean(dim=0).numpy()
        np.testing.assert_allclose(found_TD[number], expected_D, atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_bytes_are_enough_when_the_folder_is_gone(tmp_path, family):
    folder = write_encoder(tmp_path / family, TEXTS, family)
    model = made(folder)
    expected = model.predict(docs(*TEXTS[:3]))
    content = model.to_bytes()
    shutil.rmtree(folder)
    empty = hugging_face_encoder(name=str(folder), width=WIDTH, window=100, margin=10)
    for one, other in zip(
        empty.from_bytes(content).predict(docs(*TEXTS[:3])), expected, strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_company_and_passes_change_nothing(folder):
    together = made(folder).predict(docs(*TEXTS, LONG))
    in_passes = made(folder, pass_pieces=102).predict(docs(*TEXTS, LONG))
    for one, other in zip(together, in_passes, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    for text, vectors in zip((*TEXTS, LONG), together, strict=True):
        np.testing.assert_allclose(made(folder).predict(docs(text))[0], vectors, atol=1e-5)


def test_passes_change_no_gradient(folder):
    gradients = []
    for pass_pieces in (100_000, 102):
        model = made(folder, pass_pieces=pass_pieces, dropout=0.0)
        vectors, back = model.begin_update(docs(LONG, TEXTS[0]))
        back([np.cos(v) for v in vectors])
        module = model.layers[0].shims[0]._model
        gradients.append({n: p.grad for n, p in module.named_parameters() if p.grad is not None})
    one, other = gradients
    assert one.keys() == other.keys()
    assert any(gradient.abs().max() > 0 for gradient in one.values())
    for name, gradient in one.items():
        torch.testing.assert_close(gradient, other[name], atol=1e-5, rtol=1e-4)


def test_the_windows_of_a_long_text_own_every_token_once(folder):
    module = made(folder).layers[0].shims[0]._model
    (doc,) = docs(LONG + " " + "x" * 400)
    layout = lay_out([doc], module.tokenizer, window=100, margin=10)
    assert len(layout.windows) > 3
    assert max(len(window.pieces) for window in layout.windows) <= 102
    owned = [token for window in layout.windows for token in window.tokens]
    assert owned == [token.i for token in doc]


def test_tokens_without_pieces_have_zeros_and_so_have_empty_texts(folder):
    model = made(folder)
    blank, empty, mixed = model.predict(docs("   ", "", "Oslo \n\n Lima"))
    assert blank.shape == (1, WIDTH)
    assert not blank.any()
    assert empty.shape == (0, WIDTH)
    filled = mixed.any(axis=1)
    assert filled.tolist() == [not token.is_space for token in docs("Oslo \n\n Lima")[0]]
    nothing, back = model.begin_update(docs(" "))
    assert back(nothing) == []


def test_faults_are_named(folder, tmp_path):
    with pytest.raises(ConfigurationError, match="width = 16"):
        made(folder, width=8)
    with pytest.raises(ConfigurationError, match="window = 126 or less"):
        made(folder, window=127)
    with pytest.raises(ConfigurationError, match="cannot load the encoder"):
        made(tmp_path / "nothing")
    with pytest.raises(ConfigurationError, match="two margins"):
        made(folder, window=60, margin=20)
    with pytest.raises(ConfigurationError, match="pass_pieces"):
        made(folder, pass_pieces=101)
