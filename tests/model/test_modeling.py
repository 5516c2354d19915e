"""The models: symmetry, saving and loading, the loss, and the conventions of Hugging Face."""

from __future__ import annotations

from copy import deepcopy
from itertools import pairwise

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForMaskedLM,
    AutoModelForTokenClassification,
    Trainer,
    TrainingArguments,
)

from ossamma.model.configuration import OssammaConfig
from ossamma.model.modeling import (
    OssammaForMaskedDiffusion,
    OssammaForTokenClassification,
    OssammaModel,
    tag_entries,
)
from ossamma.model.tagging_loss import supervision_from_labels
from ossamma.schema.errors import ConfigurationError, DataError, LabelError
from ossamma.schema.labels import LabelSet
from ossamma.schema.spans import Document, Span
from ossamma.schema.supervision import WordSpan, allowed_tags
from ossamma.tokenization.alignment import align, cut_window
from ossamma.tokenization.batches import Example, collate
from ossamma.tokenization.features import FeatureSpec, WordFeatures
from ossamma.tokenization.tokenizer import TokenizerSettings, train_tokenizer
from ossamma.tokenization.windows import tile_words

LABELS = LabelSet(("ORG", "PER"))
K = LABELS.num_tags
FEATURES = [("lower", 40), ("shape", 20)]
VOCABULARY = 50

ABLATIONS = {
    "everything": {},
    "no input gate": {"input_gate": False},
    "no output gate": {"output_gate": False},
    "no oscillator": {"use_oscillator": False},
    "even mixing": {"adaptive_mixing": False},
    "no feed-forward": {"ffn_expansion": 0},
    "forward only": {"direction": "forward"},
    "no word features": {"word_features": []},
    "no CRF": {"use_crf": False},
    "token loss": {"token_loss_weight": 0.5, "focal_gamma": 1.0},
}


@pytest.fixture(autouse=True)
def one_thread():
    """Run each test on one thread: for tensors this small a second one only waits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def config(**settings):
    sizes = {
        "vocab_size": VOCABULARY,
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_oscillators": 8,
        "time_dimension": 8,
        "window_size": 4,
        "word_features": FEATURES,
        "word_feature_width": 8,
        "dropout": 0.0,
        "head_dropout": 0.0,
    }
    return OssammaConfig(**{**sizes, **tag_entries(LABELS), **settings})


def build(kind, **settings):
    """A model whose every weight has moved off its start, as training would have moved it."""
    torch.manual_seed(21)
    model = kind(config(**settings))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return model.eval()


def pieces(num_rows, num_pieces, *, num_features=2, seed=22):
    """The arguments of an encoder: ragged rows of random pieces and features."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(num_pieces // 2, num_pieces + 1, (num_rows,), generator=generator)
    lengths[0] = num_pieces
    shape = (num_rows, num_pieces)
    return {
        "input_ids": torch.randint(5, VOCABULARY, shape, generator=generator),
        "attention_mask": torch.arange(num_pieces)[None] < lengths[:, None],
        "word_features": torch.randint(0, 20, (*shape, num_features), generator=generator),
    }


def supervision(batch, seed=23):
    """Every second piece begins a word; two segments per row; every tag B- or O."""
    generator = torch.Generator().manual_seed(seed)
    rows, word_mask = [], []
    num_pieces = batch["input_ids"].shape[1]
    for number, mask_T in enumerate(batch["attention_mask"]):
        first_T = torch.arange(1, int(mask_T.sum()), 2)
        for part in (first_T[:2], first_T[2:]):
            padding = num_pieces - len(part)
            rows.append(functional.pad(part + number * num_pieces, (0, padding)))
            word_mask.append(functional.pad(torch.ones(len(part), dtype=torch.bool), (0, padding)))
    mask_SW = torch.stack(word_mask)
    tags_SW = torch.randint(0, 3, mask_SW.shape, generator=generator) * 2 - 1
    allowed_SWK = functional.one_hot(tags_SW.clamp(min=0), K).bool()
    allowed_SWK[..., 0] |= ~mask_SW
    return {
        "first_pieces": torch.stack(rows),
        "word_mask": mask_SW,
        "allowed_tags": allowed_SWK & (mask_SW[..., None] | (torch.arange(K) == 0)),
    }


# ------------------------------------------------------------------------------ the encoder


def states(model, batch, **more):
    return model(**batch, **more).last_hidden_state


def test_what_stands_at_padding_and_how_much_of_it_changes_nothing():
    model, batch = build(OssammaModel), pieces(3, 9)
    wanted, mask_BT = states(model, batch), batch["attention_mask"]
    generator = torch.Generator().manual_seed(24)
    for num_more in (0, 1, 150):
        longer = {
            "input_ids": functional.pad(batch["input_ids"], (0, num_more)),
            "attention_mask": functional.pad(mask_BT, (0, num_more)),
            "word_features": functional.pad(batch["word_features"], (0, 0, 0, num_more)),
        }
        padding = ~longer["attention_mask"]
        noise = torch.randint(0, VOCABULARY, padding.shape, generator=generator)
        longer["input_ids"] = torch.where(padding, noise, longer["input_ids"])
        longer["word_features"][padding] = 7
        got = states(model, longer)[:, :9]
        assert torch.allclose(got[mask_BT], wanted[mask_BT], atol=1e-5)


def test_alone_is_as_in_a_batch():
    model, batch = build(OssammaModel), pieces(4, 9)
    together = states(model, batch)
    for row, mask_T in enumerate(batch["attention_mask"]):
        length = int(mask_T.sum())
        single = {name: tensor[row : row + 1, :length] for name, tensor in batch.items()}
        assert torch.allclose(states(model, single)[0], together[row, :length], atol=1e-5)


def test_permuting_a_batch_permutes_the_answer():
    model, batch = build(OssammaModel), pieces(4, 9)
    order = torch.tensor([2, 0, 3, 1])
    permuted = states(model, {name: tensor[order] for name, tensor in batch.items()})
    assert torch.allclose(permuted, states(model, batch)[order], atol=1e-5)


def test_a_missing_mask_means_that_all_pieces_are_real():
    model, batch = build(OssammaModel), pieces(2, 9)
    batch["attention_mask"] = torch.ones(2, 9, dtype=torch.int64)
    wanted = states(model, batch)
    del batch["attention_mask"]
    assert torch.equal(states(model, batch), wanted)


@pytest.mark.parametrize("tagging_time", [0.0, 0.5])
def test_a_missing_time_is_the_configured_one(tagging_time):
    model, batch = build(OssammaModel, tagging_time=tagging_time), pieces(2, 9)
    wanted = states(model, batch)
    given = states(model, batch, time=torch.full((2,), tagging_time))
    assert torch.allclose(given, wanted, atol=1e-6)
    other = states(model, batch, time=torch.full((2,), 0.9))
    assert not torch.allclose(other, wanted, atol=1e-2)


def test_each_row_has_its_own_time():
    model, batch = build(OssammaModel), pieces(2, 9)
    both = states(model, batch, time=torch.tensor([0.2, 0.8]))
    for row, time in enumerate((0.2, 0.8)):
        alone = states(model, batch, time=torch.tensor([time]))
        assert torch.allclose(both[row], alone[row], atol=1e-6)


def test_order_matters_to_the_encoder():
    model, batch = build(OssammaModel), pieces(1, 9)
    turned = {name: tensor.flip(1) for name, tensor in batch.items()}
    assert not torch.allclose(states(model, batch).flip(1), states(model, turned), atol=1e-2)


# -------------------------------------------------------------------------- save and load

MODELS = [
    (OssammaModel, AutoModel),
    (OssammaForTokenClassification, AutoModelForTokenClassification),
    (OssammaForMaskedDiffusion, AutoModelForMaskedLM),
]


def answer(model, batch):
    output = model(**batch)
    return output.last_hidden_state if isinstance(model, OssammaModel) else output.logits


@pytest.mark.parametrize(("kind", "auto"), MODELS)
def test_saving_and_loading_changes_no_bit(kind, auto, tmp_path):
    model, batch = build(kind), pieces(2, 9)
    model.save_pretrained(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"config.json", "model.safetensors"}
    assert isinstance(AutoConfig.from_pretrained(tmp_path), OssammaConfig)
    for loader in (kind, auto):
        loaded, report = loader.from_pretrained(tmp_path, output_loading_info=True)
        assert not any(report.values()), report
        assert type(loaded) is kind
        held, wanted = loaded.state_dict(), model.state_dict()
        assert held.keys() == wanted.keys()
        assert all(torch.equal(held[name], wanted[name]) for name in wanted)
        # Loaded tensors lie in memory as they lie in the file; matrix products round by alignment.
        assert torch.equal(answer(deepcopy(loaded), batch), answer(deepcopy(model), batch))


def test_the_buffers_that_no_file_holds_are_there_after_loading(tmp_path):
    model, batch = build(OssammaForTokenClassification), pieces(4, 9)
    with torch.no_grad():
        model.crf.transitions.add_(2.0)  # so that forbidden moves would pay
    model.save_pretrained(tmp_path)
    assert not any("legal" in name for name in load_file(tmp_path / "model.safetensors"))
    loaded = OssammaForTokenClassification.from_pretrained(tmp_path)
    for name, buffer in model.named_buffers():
        assert torch.equal(loaded.get_buffer(name), buffer), name
    mask_BT = batch["attention_mask"]
    tags_BT, score_B = model.crf.viterbi(model(**batch).logits, mask_BT)
    got_tags_BT, got_score_B = loaded.crf.viterbi(loaded(**batch).logits, mask_BT)
    assert torch.equal(got_tags_BT, tags_BT)
    assert torch.allclose(got_score_B, score_B, rtol=1e-5)
    assert tags_BT.unique().numel() > 2  # the example is not all O


@pytest.mark.parametrize("kind", [kind for kind, _ in MODELS])
def test_what_a_checkpoint_does_not_hold_starts_as_if_built(kind, tmp_path):
    """Loading builds modules without memory: what it forgets to fill is whatever lay there."""
    build(kind).save_pretrained(tmp_path)
    held = load_file(tmp_path / "model.safetensors")
    prefix = "" if kind is OssammaModel else "encoder."
    kept = {name: held[name] for name in held if name == f"{prefix}norm.weight"}
    save_file(kept, tmp_path / "model.safetensors", metadata={"format": "pt"})
    torch.manual_seed(25)
    loaded = kind.from_pretrained(tmp_path)
    torch.manual_seed(26)
    fresh = kind(config())
    for name, tensor in [*fresh.named_parameters(), *fresh.named_buffers()]:
        got = loaded.get_parameter_or_buffer(name)
        assert got.isfinite().all(), name
        if name in kept:
            assert torch.equal(got, kept[name])
        elif tensor.is_floating_point() and tensor.ndim == 2 and tensor.std() > 0:
            assert got.std().item() == pytest.approx(tensor.std().item(), rel=0.5), name
        else:
            assert torch.equal(got, tensor), name


def test_a_tagger_takes_its_encoder_from_a_pre_trained_model(tmp_path):
    pretrained, batch = build(OssammaForMaskedDiffusion), pieces(2, 9)
    pretrained.save_pretrained(tmp_path)
    for kind in (OssammaModel, OssammaForTokenClassification):
        loaded = kind.from_pretrained(tmp_path)
        encoder = loaded if kind is OssammaModel else loaded.encoder
        got = states(deepcopy(encoder), batch)
        assert torch.equal(got, states(deepcopy(pretrained.encoder), batch))
    fresh = OssammaForTokenClassification(config())
    for name, tensor in fresh.crf.fresh_state().items():
        assert torch.equal(getattr(loaded.crf, name), tensor), name


def test_the_head_of_the_language_model_is_tied_before_and_after_loading(tmp_path):
    model, batch = build(OssammaForMaskedDiffusion), pieces(2, 9)
    model.save_pretrained(tmp_path)
    assert "head.weight" not in load_file(tmp_path / "model.safetensors")
    loaded = OssammaForMaskedDiffusion.from_pretrained(tmp_path)
    for each in (model, loaded):
        assert each.head.weight is each.encoder.embedding.tokens.weight
    before = loaded(**batch).logits
    with torch.no_grad():
        loaded.encoder.embedding.tokens.weight.mul_(2.0)
    assert not torch.allclose(loaded(**batch).logits, before, atol=1e-2)


def test_an_untied_head_stays_untied(tmp_path):
    model = build(OssammaForMaskedDiffusion, tie_word_embeddings=False)
    model.save_pretrained(tmp_path)
    loaded = OssammaForMaskedDiffusion.from_pretrained(tmp_path)
    assert loaded.head.weight is not loaded.encoder.embedding.tokens.weight
    assert torch.equal(loaded.head.weight, model.head.weight)


def test_a_model_starts_where_the_specification_says():
    torch.manual_seed(27)
    model = OssammaForTokenClassification(config(hidden_size=32))
    for block in model.encoder.blocks:
        assert (block.norm.modulation.weight == 0).all()
        assert (block.norm.modulation.bias == 0).all()
        for gate in (block.input_gate, block.output_gate):
            assert gate.projection.weight.std().item() == pytest.approx(0.02, rel=0.2)
    assert (model.encoder.embedding.tokens.weight[model.config.pad_token_id] == 0).all()
    assert all((parameter == 0).all() for parameter in model.crf.parameters())


# --------------------------------------------------------------------------------- tagging


@pytest.mark.parametrize("name", ABLATIONS)
def test_every_ablation_trains_every_parameter(name):
    model = build(OssammaForTokenClassification, **ABLATIONS[name]).train()
    num_features = len(model.config.word_features)
    batch = pieces(3, 9, num_features=num_features)
    model(**batch, **supervision(batch)).loss.backward()
    for parameter_name, parameter in model.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert parameter.grad.isfinite().all(), parameter_name
        assert parameter.grad.abs().max() > 0, parameter_name


def test_emissions_at_words_are_those_at_their_first_pieces():
    model, batch = build(OssammaForTokenClassification), pieces(3, 9)
    words = supervision(batch)
    at_pieces = model(**batch)
    at_words = model(**batch, first_pieces=words["first_pieces"])
    for name in ("logits", "boundary_logits"):
        wanted = at_pieces[name].flatten(0, 1)[words["first_pieces"]]
        assert torch.allclose(at_words[name], wanted, atol=1e-6)
    assert at_words.loss is None


def test_the_loss_is_the_sum_of_its_parts_per_word():
    batch = pieces(3, 9)
    words = supervision(batch)
    weights = torch.tensor([1.0, 3.0, 0.5, 1.0, 2.0, 0.0])
    settings = {"boundary_loss_weight": 0.0}
    model = build(OssammaForTokenClassification, **settings)
    emissions = model(**batch, first_pieces=words["first_pieces"]).logits
    nll_S = model.crf.negative_log_likelihood(emissions, words["allowed_tags"], words["word_mask"])
    wanted = (nll_S * weights).sum() / words["word_mask"].sum()
    assert torch.allclose(model(**batch, **words, weights=weights).loss, wanted, atol=1e-6)
    ones = model(**batch, **words).loss
    assert torch.allclose(ones, nll_S.sum() / words["word_mask"].sum(), atol=1e-6)
    tripled = model(**batch, **words, weights=torch.full((6,), 3.0)).loss
    assert torch.allclose(tripled, 3 * ones, atol=1e-5)


def test_the_boundary_loss_is_added_with_its_weight():
    batch = pieces(3, 9)
    losses = {
        weight: build(OssammaForTokenClassification, boundary_loss_weight=weight)(
            **batch, **supervision(batch)
        ).loss
        for weight in (0.0, 1.0, 3.0)
    }
    boundary = losses[1.0] - losses[0.0]
    assert boundary > 0.1
    assert torch.allclose(losses[3.0] - losses[0.0], 3 * boundary, atol=1e-5)


def test_without_a_crf_words_are_scored_one_by_one():
    model = build(
        OssammaForTokenClassification,
        use_crf=False,
        boundary_loss_weight=0.0,
        label_smoothing=0.1,
    )
    batch = pieces(3, 9)
    words = supervision(batch)
    output = model(**batch, **words)
    mask = words["word_mask"]
    tags = words["allowed_tags"].int().argmax(-1)
    wanted = functional.cross_entropy(output.logits[mask], tags[mask], label_smoothing=0.1)
    assert torch.allclose(output.loss, wanted, atol=1e-6)


def test_without_a_crf_the_transitions_stay_zero_even_after_loading(tmp_path):
    model = build(OssammaForTokenClassification, use_crf=False)
    model.save_pretrained(tmp_path)
    loaded, report = OssammaForTokenClassification.from_pretrained(
        tmp_path, output_loading_info=True
    )
    assert not any(report.values()), report
    with_crf = OssammaForTokenClassification.from_pretrained(tmp_path, use_crf=True)
    for each in (model, loaded):
        assert list(each.crf.parameters()) == []
        assert (each.crf.transitions == 0).all()
    assert all(parameter.requires_grad for parameter in with_crf.crf.parameters())
    batch = pieces(3, 9)
    tags_BT, _ = loaded.crf.viterbi(loaded(**batch).logits, batch["attention_mask"])
    for tags_T in tags_BT:
        assert is_legal([LABELS.tags[tag] for tag in tags_T])


def is_legal(tags):
    return all(
        tag[0] != "I" or before in (f"B-{tag[2:]}", tag) for before, tag in pairwise(("O", *tags))
    )


def labels_of(batch, words):
    """The same supervision in Hugging Face's form: one segment per row is all that it can say."""
    labels = torch.full(batch["input_ids"].shape, -100)
    tags = words["allowed_tags"].int().argmax(-1)
    labels.flatten()[words["first_pieces"][words["word_mask"]]] = tags[words["word_mask"]]
    return labels


def one_segment_per_row(batch):
    words = supervision(batch)
    labels = labels_of(batch, words)
    first, mask, allowed = supervision_from_labels(labels, K)
    return labels, {"first_pieces": first, "word_mask": mask, "allowed_tags": allowed}


def test_labels_say_the_same_as_word_positions_and_allowed_tags():
    model, batch = build(OssammaForTokenClassification), pieces(3, 9)
    labels, words = one_segment_per_row(batch)
    by_labels, by_words = model(**batch, labels=labels), model(**batch, **words)
    assert torch.allclose(by_labels.loss, by_words.loss, atol=1e-6)
    assert by_labels.logits.shape == (3, 9, K)  # as Hugging Face's metrics expect them
    assert by_words.logits.shape == (3, words["word_mask"].shape[1], K)


def test_labels_are_found_wherever_they_stand():
    labels = torch.tensor([[-100, 3, -100, 4, -100, 0], [-100] * 6, [1, 2, 0, 0, 3, 1]])
    first, mask, allowed = supervision_from_labels(labels, K)
    assert mask.sum(1).tolist() == [3, 0, 6]
    for row, label_row in enumerate(labels.tolist()):
        places = [place for place, label in enumerate(label_row) if label != -100]
        assert (first[row][mask[row]] - 6 * row).tolist() == places
        tags = [label_row[place] for place in places]
        assert allowed[row][mask[row]].nonzero()[:, 1].tolist() == tags
    assert (allowed.sum(-1) == 1).all()
    assert allowed[~mask][:, 0].all()
    assert (first[~mask] == 0).all()


def test_a_row_without_labels_adds_nothing():
    model, batch = build(OssammaForTokenClassification), pieces(3, 9)
    labels = labels_of(batch, supervision(batch))
    longer = {name: torch.cat([tensor, tensor[:1]]) for name, tensor in batch.items()}
    more_labels = torch.cat([labels, torch.full((1, 9), -100)])
    loss = model(**longer, labels=more_labels).loss
    assert torch.allclose(loss, model(**batch, labels=labels).loss, atol=1e-6)
    nothing = model(**batch, labels=torch.full((3, 9), -100)).loss
    assert nothing == 0


@pytest.mark.parametrize(
    ("left_out", "added", "complaint"),
    [
        ("first_pieces", None, "allowed_tags need first_pieces and word_mask"),
        ("word_mask", None, "allowed_tags need first_pieces and word_mask"),
        (None, "labels", "either labels or first_pieces"),
        ("allowed_tags", "labels", "either labels or first_pieces"),
    ],
)
def test_half_a_supervision_is_refused_and_not_ignored(left_out, added, complaint):
    model, batch = build(OssammaForTokenClassification), pieces(3, 9)
    words = supervision(batch)
    arguments = {name: tensor for name, tensor in words.items() if name != left_out}
    if added:
        arguments[added] = labels_of(batch, words)
    with pytest.raises(ConfigurationError, match=complaint):
        model(**batch, **arguments)


def test_illegal_supervision_is_refused():
    model, batch = build(OssammaForTokenClassification), pieces(1, 9)
    labels = torch.full((1, 9), -100)
    labels[0, 1], labels[0, 3] = LABELS.tag_index["O"], LABELS.tag_index["I-PER"]
    with pytest.raises(DataError, match=r"word 1, which allows only \['I-PER'\]"):
        model(**batch, labels=labels)


def test_a_configuration_without_our_tags_is_refused():
    with pytest.raises(LabelError, match="O, B-X, I-X"):
        OssammaForTokenClassification(OssammaConfig(hidden_size=16, num_attention_heads=2))


def test_word_features_are_asked_for():
    model, batch = build(OssammaForTokenClassification), pieces(2, 9)
    del batch["word_features"]
    with pytest.raises(ConfigurationError, match="expected word_features"):
        model(**batch)


# ------------------------------------------------------------------------ the language model


def test_the_language_models_loss_is_the_mean_over_the_labelled_pieces():
    model, batch = build(OssammaForMaskedDiffusion), pieces(3, 9)
    generator = torch.Generator().manual_seed(28)
    labels = torch.randint(0, VOCABULARY, (3, 9), generator=generator)
    labels[torch.rand(3, 9, generator=generator) < 0.5] = -100
    log_p = model(**batch).logits.log_softmax(-1)
    rows = [
        torch.stack([-log_p[b, t, labels[b, t]] for t in range(9) if labels[b, t] != -100])
        for b in range(3)
    ]
    output = model(**batch, labels=labels)
    assert torch.allclose(output.loss, torch.cat(rows).mean(), atol=1e-6)
    assert torch.allclose(output.logits.log_softmax(-1), log_p[labels != -100], atol=1e-6)
    weights = torch.tensor([0.0, 0.5, 3.0])
    wanted = sum(weight * row.sum() for weight, row in zip(weights, rows, strict=True))
    assert torch.allclose(model(**batch, labels=labels, weights=weights).loss, wanted, atol=1e-5)
    assert model(**batch, labels=torch.full((3, 9), -100)).loss == 0
    assert model(**batch).loss is None


def test_a_larger_vocabulary_leaves_the_old_pieces_as_they_were():
    model, batch = build(OssammaForMaskedDiffusion), pieces(2, 9)
    before = model(**batch).logits
    model.resize_token_embeddings(VOCABULARY + 8, mean_resizing=False)
    assert model.head.weight is model.encoder.embedding.tokens.weight
    assert torch.allclose(model(**batch).logits[..., :VOCABULARY], before, atol=1e-6)


# -------------------------------------------------------------------------------- training


class Rows(torch.utils.data.Dataset):
    """Some equal rows, each a whole batch of one."""

    def __init__(self, row, num_rows):
        self.rows = [row] * num_rows

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        return self.rows[index]


def one_step(kind, row, accumulation, folder):
    model = build(kind)
    trainer = Trainer(
        model=model,
        args=TrainingArguments(
            output_dir=str(folder),
            max_steps=1,
            per_device_train_batch_size=2,
            gradient_accumulation_steps=accumulation,
            optim="sgd",
            learning_rate=0.1,
            lr_scheduler_type="constant",
            max_grad_norm=0.0,
            report_to=[],
            disable_tqdm=True,
            use_cpu=True,
            dataloader_pin_memory=False,
            save_strategy="no",
            logging_strategy="no",
        ),
        train_dataset=Rows(row, 2 * accumulation),
    )
    result = trainer.train()
    return result.training_loss, {name: p.detach() for name, p in model.named_parameters()}


@pytest.mark.parametrize("kind", [OssammaForTokenClassification, OssammaForMaskedDiffusion])
def test_accumulation_in_the_trainer_scales_neither_loss_nor_gradient(kind, tmp_path):
    """One step over two equal batches is one step over one of them."""
    assert not kind.accepts_loss_kwargs
    batch = pieces(1, 9)
    row = {name: tensor[0] for name, tensor in batch.items()}
    row["labels"] = labels_of(batch, supervision(batch))[0]
    before = dict(build(kind).named_parameters())
    loss, after = one_step(kind, row, 1, tmp_path)
    loss_of_two, after_two = one_step(kind, row, 2, tmp_path)
    assert loss_of_two == pytest.approx(loss, rel=1e-5)
    assert any(not torch.equal(after[name], before[name]) for name in after)
    for name, weights in after.items():
        assert torch.allclose(after_two[name], weights, atol=1e-6), name


SENTENCES = [
    (
        "Ada Lovelace joined Acme Ltd in 1842 .",
        [WordSpan(0, 2, ("PER",)), WordSpan(3, 5, ("ORG",))],
    ),
    (
        "Acme pays Grace Hopper and Ada .",
        [WordSpan(0, 1, ("ORG",)), WordSpan(2, 4, ("PER",)), WordSpan(5, 6, ("PER",))],
    ),
]


def test_two_sentences_can_be_learnt_by_heart():
    tokenizer = train_tokenizer([text for text, _ in SENTENCES], TokenizerSettings(vocab_size=300))
    features = WordFeatures([FeatureSpec(name, rows) for name, rows in FEATURES])
    examples = []
    for text, spans in SENTENCES:
        starts = [0, *(i + 1 for i, character in enumerate(text) if character == " ")]
        words = [Span(start, start + len(text[start:].split(" ")[0])) for start in starts]
        laid = align(Document(id="d", text=text), words, tokenizer, features)
        [window] = tile_words(laid.num_pieces, max_pieces=200, margin=0)
        allowed = allowed_tags(spans, len(words), LABELS)
        examples.append(Example(cut_window(laid, window, tokenizer), allowed))
    batch = collate(examples, pad_id=tokenizer.pad_id)
    torch.manual_seed(29)
    model = OssammaForTokenClassification(config(vocab_size=tokenizer.vocab_size))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    gold = batch["allowed_tags"].int().argmax(-1)
    for _ in range(60):
        output = model(**batch)
        optimizer.zero_grad()
        output.loss.backward()
        optimizer.step()
    model.eval()
    tags, _ = model.crf.viterbi(model(**batch).logits, batch["word_mask"])
    assert torch.equal(tags, gold)
    assert model(**batch).loss < 0.05
