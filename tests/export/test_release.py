"""A release is its source with smaller weights and without what only training needs."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForTokenClassification

from ossamma.export.bundle import load, save_bundle
from ossamma.export.manifest import verify
from ossamma.export.release import ReleaseContent, as_released, write_release
from ossamma.model.packed_weights import WeightForm, form_of
from ossamma.schema.errors import BundleError
from tests import tiny

FACTS = {"checkpoint_epoch": 3.0, "val_f1": 0.5, "profile": "native"}
TEXTS = ["Ada Lovelace met Alan Turing in New York", "", "Oslo\nLima 👍🏽 \ud800", "Emmy Noether"]


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "bundle"
    pieces = tiny.tokenizer()
    save_bundle(folder, tiny.model(pieces), pieces, tiny.PROFILE, facts=FACTS)
    return folder


def release(source, folder, form=WeightForm.FP32, **content):
    model = as_released(load(source).model, form)
    return write_release(source, folder, model, ReleaseContent(form=form, **content))


def test_unchanged_weights_find_the_same(source, tmp_path):
    release(source, tmp_path / "r")
    assert load(tmp_path / "r").recognise(TEXTS) == load(source).recognise(TEXTS)
    assert any(load(source).recognise(TEXTS))


@pytest.mark.parametrize("form", WeightForm)
def test_what_is_loaded_is_what_was_checked_before_it_was_written(source, tmp_path, form):
    release(source, tmp_path / "r", form)
    expected = as_released(load(source).model, form).state_dict()
    for found in (
        load(tmp_path / "r").model.state_dict(),
        AutoModelForTokenClassification.from_pretrained(tmp_path / "r").state_dict(),
    ):
        assert found.keys() == expected.keys()
        assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert form_of(tmp_path / "r" / "model.safetensors") is form


def test_the_boundary_head_stays_behind(source, tmp_path):
    metadata = release(source, tmp_path / "r")
    before, after = (load_file(folder / "model.safetensors") for folder in (source, tmp_path / "r"))
    assert set(before) - set(after) == {"head.boundaries.weight", "head.boundaries.bias"}
    assert set(after) <= set(before)
    parameters = load(tmp_path / "r").model.parameters()
    assert metadata["num_parameters"] == sum(p.numel() for p in parameters)
    assert verify(source)["num_parameters"] - metadata["num_parameters"] == 2 * 16 + 2


def test_the_model_that_is_released_is_a_copy(source):
    model = load(source).model
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    as_released(model, WeightForm.INT8)
    after = model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert model.config.boundary_head


def test_metadata_keeps_the_facts_and_names_the_source(source, tmp_path):
    metadata = release(source, tmp_path / "r", WeightForm.FP16, facts={"licence": "MIT"})
    origin = verify(source)
    assert metadata == verify(tmp_path / "r")
    for name in ("model_type", "num_labels", "label_schema", "checkpoint_epoch", "val_f1"):
        assert metadata[name] == origin[name]
    assert metadata["source_checksum"] == origin["checksum"]
    assert (metadata["weights"], metadata["licence"]) == ("fp16", "MIT")


def test_everyone_may_read_a_release(source, tmp_path):
    release(source, tmp_path / "r")
    assert (tmp_path / "r").stat().st_mode & 0o777 == 0o755
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "r").iterdir()} == {0o644}


def test_further_files_are_sealed_with_it(source, tmp_path):
    release(source, tmp_path / "r", files={"note.json": b"{}"})
    (tmp_path / "r" / "note.json").write_bytes(b"[]")
    with pytest.raises(BundleError, match=r"note\.json is damaged"):
        load(tmp_path / "r")


def test_nothing_is_replaced_and_nothing_lies_inside_its_source(source, tmp_path):
    with pytest.raises(BundleError, match=r"lies inside the bundle"):
        release(source, source / "r")
    (tmp_path / "r").mkdir()
    with pytest.raises(BundleError, match=r"expected a new folder"):
        release(source, tmp_path / "r")


def test_a_damaged_source_makes_no_release(source, tmp_path):
    model = as_released(load(source).model, WeightForm.FP32)
    labels = source / "labels.json"
    content = labels.read_bytes()
    labels.write_bytes(content + b" ")
    try:
        with pytest.raises(BundleError, match=r"labels\.json is damaged"):
            write_release(source, tmp_path / "r", model, ReleaseContent())
    finally:
        labels.write_bytes(content)
    assert not (tmp_path / "r").exists()
