"""Weights in fewer bytes come back within half a step, and a model of them loads as any other."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from transformers import AutoModelForTokenClassification

from ossamma.model.modeling import OssammaForTokenClassification
from ossamma.model.packed_weights import (
    FORM_KEY,
    LEVELS,
    WeightForm,
    dequantise_rows,
    form_of,
    pack,
    quantise_one_by_one,
    quantise_rows,
    read_weights,
    unpack,
    write_weights,
)
from ossamma.schema.errors import BundleError
from tests import tiny

NUMBERS = st.floats(-1e6, 1e6, width=32, allow_subnormal=False)
MATRICES = st.integers(1, 5).flatmap(
    lambda width: st.lists(st.lists(NUMBERS, min_size=width, max_size=width), min_size=1)
)


def wide(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@given(MATRICES)
def test_no_number_moves_by_more_than_half_a_step(rows):
    w_RC = torch.tensor(rows)
    values, scale = quantise_rows(w_RC)
    moved = (dequantise_rows(values, scale) - w_RC).double().abs()
    # The product and the quotient are each off by a rounding of float32.
    assert (moved <= scale.double() * (0.5 + 1e-4) + 1e-30).all()
    assert values.abs().max() <= LEVELS


@given(MATRICES)
def test_the_slow_twin_finds_the_same_multiples(rows):
    values, scale = quantise_rows(torch.tensor(rows, dtype=torch.float64))
    slow = quantise_one_by_one(rows)
    assert values.tolist() == [multiples for multiples, _ in slow]
    assert scale.flatten().tolist() == pytest.approx([each for _, each in slow])


def test_the_greatest_number_of_a_row_and_a_row_of_zeros_are_exact():
    w_RC = wide(6, 9)
    w_RC[2] = 0.0
    kept = dequantise_rows(*quantise_rows(w_RC))
    assert torch.equal(kept[2], torch.zeros(9))
    torch.testing.assert_close(kept.abs().amax(1), w_RC.abs().amax(1), rtol=1e-6, atol=0.0)


@pytest.mark.parametrize("form", WeightForm)
def test_what_is_packed_comes_back_to_the_accuracy_of_the_form(form):
    state = {
        "matrix": wide(80, 64),
        "cube": wide(4, 40, 32, seed=1),
        "small": wide(8, 8, seed=2),
        "row": wide(5_000, seed=3),
        "ids": torch.arange(9_000).view(90, 100),
    }
    back = unpack(pack(state, form))
    assert back.keys() == state.keys()
    for name, tensor in state.items():
        assert back[name].dtype == tensor.dtype
        assert back[name].shape == tensor.shape
        if form is WeightForm.FP32 or name in {"small", "row", "ids"}:
            assert torch.equal(back[name], tensor), name
        else:
            bound = tensor.abs() * 2**-11 if form is WeightForm.FP16 else tensor.abs().amax() / 250
            assert ((back[name] - tensor).abs() <= bound).all(), name
            assert not torch.equal(back[name], tensor)


def test_int8_takes_a_quarter_and_fp16_half(tmp_path):
    state = {"matrix": wide(1_000, 256)}
    sizes = {}
    for form in WeightForm:
        write_weights(tmp_path / form, state, form)
        sizes[form] = (tmp_path / form).stat().st_size
        assert form_of(tmp_path / form) is form
    assert sizes[WeightForm.FP16] / sizes[WeightForm.FP32] == pytest.approx(1 / 2, abs=0.01)
    assert sizes[WeightForm.INT8] / sizes[WeightForm.FP32] == pytest.approx(1 / 4, abs=0.01)


def test_equal_weights_give_equal_bytes(tmp_path):
    state = {"b": wide(80, 80), "a": torch.ones(3)}
    for number in range(12):  # by chance alone they would be equal once in 2,048 times
        write_weights(tmp_path / f"{number}.safetensors", state, WeightForm.INT8)
    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 1
    with safe_open(tmp_path / "0.safetensors", "pt") as file:
        assert file.metadata() == {"format": "pt", FORM_KEY: "int8"}
    assert read_weights(tmp_path / "0.safetensors").keys() == {"a", "b"}


@pytest.mark.parametrize("form", [WeightForm.FP16, WeightForm.INT8])
@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_numbers_that_are_not_finite_are_refused(form, bad):
    matrix = wide(80, 64)
    matrix[3, 4] = bad
    with pytest.raises(BundleError, match=r"^matrix holds a number that is not finite"):
        pack({"matrix": matrix}, form)


def test_numbers_too_large_for_float16_are_refused():
    with pytest.raises(BundleError, match=r"--weights fp32"):
        pack({"matrix": torch.full((80, 64), 1e6)}, WeightForm.FP16)


def test_a_missing_scale_and_a_scale_of_another_shape_are_refused():
    packed = pack({"matrix": wide(80, 64)}, WeightForm.INT8)
    with pytest.raises(BundleError, match=r"matrix: expected a scale for each row.*got None"):
        unpack({"matrix.int8": packed["matrix.int8"]})
    with pytest.raises(BundleError, match=r"got \(79, 1\)"):
        unpack({**packed, "matrix.scale": packed["matrix.scale"][:-1]})


def test_a_form_of_the_future_and_a_file_that_is_none_are_refused(tmp_path):
    save_file({"a": wide(2)}, tmp_path / "a", metadata={FORM_KEY: "int2"})
    with pytest.raises(BundleError, match=r"one of fp32, fp16, int8, got 'int2'"):
        form_of(tmp_path / "a")
    (tmp_path / "b").write_bytes(b"nonsense")
    with pytest.raises(BundleError, match=r"cannot read the weights"):
        form_of(tmp_path / "b")


@pytest.mark.parametrize("form", WeightForm)
@pytest.mark.parametrize("boundary_head", [True, False])
def test_hugging_face_loads_every_form(tmp_path, form, boundary_head):
    model = tiny.model(tiny.tokenizer())
    if not boundary_head:
        model.config.boundary_head = False
        model.head.boundaries = None
    state = model.state_dict()
    model.config.architectures = ["OssammaForTokenClassification"]
    model.config.save_pretrained(tmp_path)
    write_weights(tmp_path / "model.safetensors", state, form)
    packed = load_file(tmp_path / "model.safetensors")
    assert ("encoder.embedding.tokens.weight.int8" in packed) == (form is WeightForm.INT8)
    for kind in (AutoModelForTokenClassification, OssammaForTokenClassification):
        loaded, report = kind.from_pretrained(tmp_path, output_loading_info=True)
        assert not any(report.values())
        expected = read_weights(tmp_path / "model.safetensors")
        found = loaded.state_dict()
        assert found.keys() == expected.keys() == state.keys()
        assert all(torch.equal(found[name], expected[name]) for name in expected)
        assert not loaded.training
        assert {p.dtype for p in loaded.parameters()} == {torch.float32}


def test_a_configuration_that_is_given_wins_over_the_folders(tmp_path):
    model = tiny.model(tiny.tokenizer())
    model.config.save_pretrained(tmp_path)
    write_weights(tmp_path / "model.safetensors", model.state_dict(), WeightForm.INT8)
    config = type(model.config).from_pretrained(tmp_path, window_size=4)
    loaded = OssammaForTokenClassification.from_pretrained(tmp_path, config=config)
    assert loaded.config.window_size == 4


def test_without_a_boundary_head_emissions_are_the_same():
    pieces = tiny.tokenizer()
    whole, bare = tiny.model(pieces), tiny.model(pieces)
    bare.head.boundaries = None
    ids = torch.tensor([[5, 6, 7]])
    features = torch.ones(1, 3, len(tiny.FEATURES), dtype=torch.long)
    expected, found = (m(ids, word_features=features) for m in (whole, bare))
    assert torch.equal(expected.logits, found.logits)
    assert found.boundary_logits is None
    labels = torch.tensor([[0, 1, 2]])
    assert bare(ids, word_features=features, labels=labels).loss.isfinite()
