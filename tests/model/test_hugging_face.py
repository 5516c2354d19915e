"""Encoders of transformers under our heads: the same answers as alone, after saving, in company."""

from __future__ import annotations

import json

import pytest
import torch
from transformers import AutoConfig, AutoModel, BertConfig, BertModel

from ossamma.model.configuration import OssammaConfig
from ossamma.model.hugging_face import (
    HuggingFaceEncoder,
    build_network,
    longest_input,
    set_dropout,
    settings_of,
)
from ossamma.model.modeling import OssammaForTokenClassification, OssammaModel, tag_entries
from ossamma.schema.errors import ConfigurationError
from tests import tiny
from tests.tiny_encoder import FAMILIES, WIDTH, write_encoder

TEXTS = [document.text for document in tiny.documents(50, 0)]


@pytest.fixture(scope="module", params=FAMILIES)
def folder(request, tmp_path_factory):
    """A saved encoder of each family."""
    return write_encoder(tmp_path_factory.mktemp(request.param), TEXTS, request.param, layers=2)


def settings(folder):
    return settings_of(AutoConfig.from_pretrained(folder))


def tagger(folder, **changes):
    """A tagger around the family's encoder with random weights, in eval mode."""
    torch.manual_seed(0)
    config = OssammaConfig(
        encoder=settings(folder),
        hidden_size=WIDTH,
        num_hidden_layers=2,
        **changes,
        **tag_entries(tiny.LABELS),
    )
    return OssammaForTokenClassification(config).eval()


def pieces(rows, length):
    return torch.randint(5, 60, (rows, length), generator=torch.Generator().manual_seed(1))


def test_it_computes_what_its_network_computes(folder):
    network = AutoModel.from_pretrained(folder).eval()
    encoder = HuggingFaceEncoder(settings(folder)).eval()
    encoder.network.load_state_dict(
        {n: t for n, t in network.state_dict().items() if not n.startswith("pooler.")}
    )
    ids_BT = pieces(2, 30)
    found = encoder(ids_BT, torch.ones_like(ids_BT).bool()).last_hidden_state
    assert torch.equal(found, network(input_ids=ids_BT).last_hidden_state)


def test_a_saved_tagger_gives_the_same_bits(folder, tmp_path):
    model = tagger(folder)
    model.save_pretrained(tmp_path)
    loaded, report = OssammaForTokenClassification.from_pretrained(
        tmp_path, local_files_only=True, output_loading_info=True
    )
    assert not any(report.values())
    ids_BT = pieces(2, 30)
    assert torch.equal(loaded.eval()(ids_BT).logits, model(ids_BT).logits)


def test_the_saved_settings_name_no_place_of_this_machine(folder, tmp_path):
    tagger(folder).save_pretrained(tmp_path)
    content = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    assert content["encoder"] == json.loads(json.dumps(settings(folder)))
    assert str(folder) not in (tmp_path / "config.json").read_text(encoding="utf-8")


def test_padding_changes_nothing(folder):
    model = tagger(folder)
    ids_BT = pieces(1, 20)
    padded_BT = torch.cat([ids_BT, torch.full((1, 9), model.config.encoder["pad_token_id"])], 1)
    mask_BT = torch.arange(29)[None, :] < 20
    found = model(padded_BT, attention_mask=mask_BT).logits[:, :20]
    torch.testing.assert_close(found, model(ids_BT).logits, rtol=1e-4, atol=1e-5)


def test_without_settings_of_another_the_encoder_is_ours():
    assert isinstance(tiny.model(tiny.tokenizer()).encoder, OssammaModel)


@pytest.mark.parametrize("entries", [{}, {"model_type": "no such"}, {"hidden_size": 8}])
def test_an_unknown_family_is_refused(entries):
    with pytest.raises(ConfigurationError, match="expected the configuration of an encoder"):
        build_network(entries)


def test_settings_that_name_code_of_their_own_do_not_bring_it_in():
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": 9}
    trap = {"AutoConfig": "trap.Config", "AutoModel": "trap.Model"}
    network = build_network({"model_type": "bert", "auto_map": trap, **sizes})
    assert type(network) is BertModel
    assert not hasattr(network.config, "auto_map")


def test_word_features_and_another_encoder_do_not_go_together():
    with pytest.raises(ConfigurationError, match="reads no word_features"):
        OssammaConfig(encoder={"model_type": "bert"}, word_features=[("lower", 5)])


@pytest.mark.parametrize(
    ("family", "padding", "limit", "longest"),
    [("bert", 0, 1 << 40, 130), ("roberta", 1, 1 << 40, 128), ("roberta", 1, 100, 100)],
)
def test_the_longest_input_leaves_out_positions_that_are_never_used(
    family, padding, limit, longest
):
    config = AutoConfig.for_model(family, max_position_embeddings=130, pad_token_id=padding)
    assert longest_input(config, limit) == longest


def test_every_dropout_of_an_encoder_is_set():
    config = BertConfig()
    set_dropout(config, 0.25)
    assert (config.hidden_dropout_prob, config.attention_probs_dropout_prob) == (0.25, 0.25)
