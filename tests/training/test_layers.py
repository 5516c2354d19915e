"""Depths: every parameter has one, layers count from below, and rates fall as they are said to."""

from __future__ import annotations

import pytest
from torch import nn
from transformers import AlbertConfig, AlbertModel

from ossamma.model.modeling import make_encoder
from ossamma.schema.errors import ConfigurationError
from ossamma.training.layers import layer_depths
from ossamma.training.optim import Rates, parameter_groups
from tests import tiny
from tests.tiny_encoder import FAMILIES, write_encoder
from tests.tiny_tagger import tagger

LAYERS = 3


@pytest.fixture(scope="module", params=[*FAMILIES, "ossamma"])
def model(request, tmp_path_factory):
    """A tagger of three layers around each kind of encoder."""
    if request.param == "ossamma":
        own = tiny.model(tiny.tokenizer())
        own.config.num_hidden_layers = LAYERS
        own.encoder = make_encoder(own.config)
        return own
    folder = tmp_path_factory.mktemp(request.param)
    texts = [document.text for document in tiny.documents(50, 0)]
    return tagger(write_encoder(folder, texts, request.param, layers=LAYERS))


def test_every_parameter_has_a_depth_and_every_depth_a_parameter(model):
    depths = layer_depths(model.encoder, LAYERS)
    assert set(depths) == {name for name, _ in model.encoder.named_parameters()}
    assert set(range(LAYERS + 1)) <= set(depths.values()) <= set(range(LAYERS + 2))
    assert all("embed" in name for name, depth in depths.items() if depth == 0)


def test_the_layers_hold_as_many_parameters_each(model):
    """ModernBERT's first layer has one norm less: the embeddings have it."""
    depths = list(layer_depths(model.encoder, LAYERS).values())
    counts = [depths.count(depth) for depth in range(1, LAYERS + 1)]
    assert max(counts) - min(counts) <= 1
    assert counts[1] == counts[2]


def test_rates_fall_from_the_last_layer_to_the_embeddings(model):
    rates = Rates(
        learning_rate=1e-3,
        crf_learning_rate=5e-2,
        weight_decay=0.1,
        head_learning_rate=2e-3,
        layer_decay=0.5,
    )
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    found = {
        names[id(parameter)]: group["lr"]
        for group in parameter_groups(model, rates)
        for parameter in group["params"]
    }
    assert set(found) == set(names.values())
    expected = {0: 1.25e-4, 1: 2.5e-4, 2: 5e-4, 3: 1e-3, 4: 1e-3}
    for name, depth in layer_depths(model.encoder, LAYERS).items():
        assert found[f"encoder.{name}"] == pytest.approx(expected[depth])
    assert {found[name] for name in found if name.startswith("head.")} == {2e-3}
    assert {found[name] for name in found if name.startswith("crf.")} == {5e-2}


def test_layers_that_share_their_weights_cannot_be_told_apart():
    sizes = {"hidden_size": 8, "embedding_size": 4, "num_attention_heads": 2, "vocab_size": 9}
    shared = AlbertModel(AlbertConfig(**sizes, num_hidden_layers=3, intermediate_size=8))
    with pytest.raises(ConfigurationError, match="cannot be told apart"):
        layer_depths(shared, 3)


def test_the_outermost_list_is_the_layers():
    inner = nn.ModuleList([nn.Linear(1, 1), nn.Linear(1, 1)])
    outer = nn.ModuleDict({"blocks": nn.ModuleList([inner, nn.ModuleList([nn.Linear(1, 1)])])})
    depths = layer_depths(outer, 2)
    assert depths["blocks.0.1.weight"] == 1
    assert depths["blocks.1.0.bias"] == 2
