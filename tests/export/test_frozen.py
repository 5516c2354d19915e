"""The frozen tagger is the model, at any length and whatever is switched off."""

from __future__ import annotations

import pytest
import torch

from ossamma.export.frozen import CHUNK_STEPS, MAX_PIECES, FrozenTagger
from ossamma.model.configuration import OssammaConfig
from ossamma.model.modeling import OssammaForTokenClassification, tag_entries
from ossamma.schema.labels import LabelSet

LABELS = LabelSet(("A", "B"))
FEATURES = [("lower", 40), ("shape", 20)]
VARIANTS = {
    "everything": {},
    "no input gate": {"input_gate": False},
    "no output gate": {"output_gate": False},
    "no oscillator": {"use_oscillator": False},
    "even mixing": {"adaptive_mixing": False},
    "no feed-forward": {"ffn_expansion": 0},
    "forward only": {"direction": "forward"},
    "no word features": {"word_features": []},
    "another time": {"tagging_time": 0.5},
    "narrow window": {"window_size": 1},
    "wide window": {"window_size": 70},
}


def build(**changes):
    torch.manual_seed(0)
    config = OssammaConfig(
        **{
            "vocab_size": 50,
            "hidden_size": 24,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "num_oscillators": 6,
            "time_dimension": 8,
            "window_size": 10,
            "word_features": FEATURES,
            "word_feature_width": 8,
            **changes,
            **tag_entries(LABELS),
        }
    )
    model = OssammaForTokenClassification(config)
    with torch.no_grad():  # nothing may stay at a neutral start
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return model.eval()


def inputs(rows, length, num_features, seed=0):
    """Random pieces, all rows but the first padded to half; all places, in lines of ten."""
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(5, 50, (rows, length), generator=generator)
    mask = torch.ones(rows, length, dtype=torch.bool)
    mask[1:, (length + 1) // 2 :] = False
    features = torch.randint(0, 20, (rows, length, num_features), generator=generator)
    places = torch.arange(rows * length)[mask.flatten()]
    lines = torch.nn.functional.pad(places, (0, -len(places) % 10)).view(-1, 10)
    return ids, mask, features, lines


@pytest.mark.parametrize("changes", VARIANTS.values(), ids=VARIANTS.keys())
@pytest.mark.parametrize("length", [1, 5, 16, 17, 33, 150])
@torch.inference_mode()
def test_emissions_are_those_of_the_model(changes, length):
    model = build(**changes)
    batch = inputs(3, length, len(model.config.word_features))
    expected = model(batch[0], batch[1], batch[2], batch[3]).logits
    assert expected.std() > 0.05
    torch.testing.assert_close(FrozenTagger(model)(*batch), expected, rtol=1e-4, atol=1e-5)


@torch.inference_mode()
def test_the_longest_window_goes_through():
    model = build()
    batch = inputs(1, MAX_PIECES, 2)
    expected = model(batch[0], batch[1], batch[2], batch[3]).logits
    torch.testing.assert_close(FrozenTagger(model)(*batch), expected, rtol=1e-3, atol=1e-4)


@torch.inference_mode()
def test_padding_says_nothing():
    frozen = FrozenTagger(build())
    ids, mask, features, lines = inputs(2, 30, 2)
    changed = torch.where(mask, ids, 7)
    assert torch.equal(frozen(ids, mask, features, lines), frozen(changed, mask, features, lines))


def test_freezing_leaves_the_model_alone():
    model = build()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    FrozenTagger(model)
    assert all(torch.equal(before[n], t) for n, t in model.state_dict().items())


@pytest.mark.parametrize("window", [1, 31, 32, 33, 100])
def test_blocks_are_whole_chunks_and_reach_as_far_as_the_window(window):
    frozen = FrozenTagger(build(window_size=window))
    assert frozen.multiple % CHUNK_STEPS == 0
    assert frozen.multiple >= window // 2
