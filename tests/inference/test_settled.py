"""The settled copy is the model, whatever the length and the variant, and leaves it alone."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from ossamma.inference.scorers import TorchScorer
from ossamma.inference.settled import PackedLinear, can_settle, rounded_rows, settle, torch_scorer
from ossamma.model.configuration import OssammaConfig
from ossamma.model.modeling import OssammaForTokenClassification, tag_entries
from ossamma.schema.labels import LabelSet
from tests import tiny

LABELS = LabelSet(("A", "B"))
VARIANTS = {
    "everything": {},
    "no oscillator": {"use_oscillator": False},
    "no input gate": {"input_gate": False},
    "even mixing": {"adaptive_mixing": False},
    "no feed-forward": {"ffn_expansion": 0},
    "forward only": {"direction": "forward"},
    "no word features": {"word_features": []},
    "another time": {"tagging_time": 0.5},
}

pytestmark = pytest.mark.skipif(
    not can_settle(nn.Linear(1, 1)), reason="this PyTorch was built without oneDNN"
)


def build(**changes):
    """A random model wide enough that its matrices are packed."""
    torch.manual_seed(0)
    config = OssammaConfig(
        **{
            "vocab_size": 50,
            "hidden_size": 128,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "num_oscillators": 12,
            "time_dimension": 8,
            "window_size": 10,
            "word_features": [("lower", 40), ("shape", 20)],
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


def inputs(rows, length, num_features):
    """Random pieces, all rows but the first padded to half; all places on one line."""
    generator = torch.Generator().manual_seed(length)
    mask = torch.ones(rows, length, dtype=torch.bool)
    mask[1:, (length + 1) // 2 :] = False
    return {
        "input_ids": torch.randint(5, 50, (rows, length), generator=generator),
        "attention_mask": mask,
        "word_features": torch.randint(0, 20, (rows, length, num_features), generator=generator),
        "first_pieces": torch.arange(rows * length)[mask.flatten()].view(1, -1),
    }


@pytest.mark.parametrize("changes", VARIANTS.values(), ids=VARIANTS.keys())
@pytest.mark.parametrize("length", [1, 7, 32, 33, 150])
@torch.inference_mode()
def test_emissions_are_those_of_the_model(changes, length):
    model = build(**changes)
    settled = settle(model)
    assert sum(isinstance(part, PackedLinear) for part in settled.modules()) >= 5
    batch = inputs(3, length, len(model.config.word_features))
    expected = model(**batch).logits
    assert expected.std() > 0.05
    torch.testing.assert_close(settled(**batch).logits, expected, rtol=1e-4, atol=2e-5)


@given(
    rows=st.integers(1, 70),
    width_in=st.integers(1, 80),
    width_out=st.integers(1, 80),
    bias=st.booleans(),
)
@torch.inference_mode()
def test_a_packed_product_is_the_product(rows, width_in, width_out, bias):
    torch.manual_seed(rows)
    linear = nn.Linear(width_in, width_out, bias=bias)
    x = torch.randn(2, rows, width_in)
    packed = PackedLinear(linear.weight, linear.bias)
    torch.testing.assert_close(packed(x), linear(x), rtol=1e-5, atol=1e-5)


@given(st.integers(1, 100_000))
def test_few_rows_are_added(number):
    rounded = rounded_rows(number)
    assert number <= rounded <= max(number + 31, number + number // 16)
    assert rounded_rows(rounded) == rounded


def test_products_have_few_shapes():
    assert len({rounded_rows(number) for number in range(1, 8_193)}) <= 96


def test_the_model_stays_as_it_is_and_lends_its_tensors():
    model = build()
    before = {
        name: (tensor.data_ptr(), tensor.clone()) for name, tensor in model.named_parameters()
    }
    kinds = [type(part) for part in model.modules()]
    settled = settle(model)
    assert [type(part) for part in model.modules()] == kinds
    for name, tensor in model.named_parameters():
        place, value = before[name]
        assert tensor.data_ptr() == place
        assert tensor.equal(value)
        assert tensor.requires_grad
    assert settled.encoder.embedding is not model.encoder.embedding
    lent = {tensor.data_ptr() for tensor in settled.encoder.embedding.parameters()}
    assert lent == {tensor.data_ptr() for tensor in model.encoder.embedding.parameters()}


def test_the_model_still_learns_after_it_was_settled():
    model = build()
    settle(model)
    model.train()
    model(**inputs(2, 9, 2)).logits.sum().backward()
    assert all(block.norm.norm.weight.grad is not None for block in model.encoder.blocks)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_number_types_run_as_they_are(dtype):
    model = build().to(dtype)
    assert not can_settle(model)
    scorer = torch_scorer(model)
    assert isinstance(scorer, TorchScorer)
    assert scorer(inputs(2, 9, 2)).isfinite().all()


def test_a_recogniser_finds_the_same_with_it():
    recogniser = tiny.recogniser()
    texts = [f"{a} met {b} in {c}" for a in tiny.PEOPLE for b in tiny.PEOPLE for c in tiny.PLACES]
    expected = recogniser.recognise(texts)
    recogniser.scorer = torch_scorer(recogniser.model)
    found = recogniser.recognise(texts)
    assert sum(map(len, expected)) > 10
    for these, those in zip(found, expected, strict=True):
        assert [(e.start, e.end, e.label) for e in these] == [
            (e.start, e.end, e.label) for e in those
        ]
        assert [e.confidence for e in these] == pytest.approx(
            [e.confidence for e in those], abs=1e-4
        )
