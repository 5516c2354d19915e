"""Frozen layers stay, adapters begin as nothing, and merged weights answer as the adapted did."""

from __future__ import annotations

import pytest
import torch

from ossamma.schema.errors import ConfigurationError
from ossamma.training.adaptation import adapt, merged
from ossamma.training.layers import layer_depths
from ossamma.training.settings import FinetuneSettings
from tests import tiny
from tests.tiny_encoder import FAMILIES, write_encoder
from tests.tiny_tagger import tagger

LORA = FinetuneSettings(lora_rank=3, lora_alpha=6)


@pytest.fixture(scope="module", params=FAMILIES)
def folder(request, tmp_path_factory):
    """A saved encoder of each family with two layers."""
    texts = [document.text for document in tiny.documents(50, 0)]
    return write_encoder(tmp_path_factory.mktemp(request.param), texts, request.param, layers=2)


def trainable(model):
    return {name for name, parameter in model.named_parameters() if parameter.requires_grad}


def pieces():
    return torch.randint(5, 60, (2, 20), generator=torch.Generator().manual_seed(1))


def shaken(model):
    """Give the adapters weights, as training would."""
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_" in name:
                parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator))
    return model


def test_nothing_asked_for_changes_nothing(folder):
    model = tagger(folder)
    adapt(model, FinetuneSettings())
    assert trainable(model) == {name for name, _ in model.named_parameters()}
    assert merged(model) is model


@pytest.mark.parametrize("frozen", [1, 2])
def test_frozen_layers_are_those_from_below(folder, frozen):
    model = tagger(folder)
    adapt(model, FinetuneSettings(frozen_layers=frozen))
    depths = layer_depths(model.encoder, 2)
    learns = {f"encoder.{name}" for name, depth in depths.items() if depth > frozen}
    outside = {name for name, _ in model.named_parameters() if not name.startswith("encoder.")}
    assert trainable(model) == learns | outside


def test_more_frozen_layers_than_there_are_is_refused(folder):
    with pytest.raises(ConfigurationError, match="at most 2"):
        adapt(tagger(folder), FinetuneSettings(frozen_layers=3))


def test_only_adapters_and_heads_learn(folder):
    model = tagger(folder)
    adapt(model, LORA)
    learns = trainable(model)
    assert learns
    assert all("lora_" in name or not name.startswith("encoder.") for name in learns)
    assert any("lora_A" in name for name in learns)


def test_adapters_begin_as_nothing(folder):
    model = tagger(folder)
    before = model(pieces()).logits
    adapt(model, LORA)
    assert torch.equal(model.eval()(pieces()).logits, before)


def test_merged_weights_answer_as_the_adapted_did(folder):
    model = tagger(folder)
    names = set(model.state_dict())
    before = model(pieces()).logits
    adapt(model, LORA)
    adapted = shaken(model).eval()(pieces()).logits
    plain = merged(model)
    assert set(plain.state_dict()) == names
    torch.testing.assert_close(plain(pieces()).logits, adapted, rtol=1e-4, atol=1e-5)
    assert (adapted - before).abs().max() > 1e-2, "the adapters must do something"


def test_merging_leaves_the_adapted_as_it_was(folder):
    model = tagger(folder)
    adapt(model, LORA)
    state = {name: tensor.clone() for name, tensor in shaken(model).state_dict().items()}
    merged(model)
    assert state.keys() == model.state_dict().keys()
    assert all(torch.equal(state[name], tensor) for name, tensor in model.state_dict().items())


def test_a_frozen_layer_has_no_adapter_that_learns(folder):
    model = tagger(folder)
    adapt(model, FinetuneSettings(lora_rank=2, frozen_layers=1))
    depths = layer_depths(model.encoder, 2)
    learns = {name.removeprefix("encoder.") for name in trainable(model) if "lora_" in name}
    assert learns
    assert {depths[name] for name in learns} == {2}


def test_adapters_in_an_encoder_of_ours_are_refused():
    with pytest.raises(ConfigurationError, match="give --encoder"):
        adapt(tiny.model(tiny.tokenizer()), LORA)
