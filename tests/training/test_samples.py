"""Samples: what was shown stands in what was completed, and nothing is left hidden."""

from __future__ import annotations

import numpy as np
import torch

from ossamma.model.configuration import OssammaConfig
from ossamma.model.modeling import OssammaForMaskedDiffusion
from ossamma.tokenization.token_store import TextRow
from ossamma.tokenization.tokenizer import TokenizerSettings, train_tokenizer
from ossamma.training.samples import draw_samples

TEXTS = ("one two three four", "five six", "seven")


def row_of(tokenizer, number, text):
    """A row as a store gives it: [CLS], the pieces of the words, [SEP]."""
    words = tokenizer.encode_words(text.split())
    pieces = [piece for word in words for piece in word]
    places = [place for place, word in enumerate(words) for _ in word]
    return TextRow(
        number,
        np.array([tokenizer.cls_id, *pieces, tokenizer.sep_id]),
        np.array([-1, *places, -1]),
        np.zeros((len(pieces) + 2, 0), dtype=np.int64),
    )


def test_a_completion_keeps_every_word_that_was_shown():
    tokenizer = train_tokenizer(TEXTS, TokenizerSettings(vocab_size=270))
    torch.manual_seed(0)
    model = OssammaForMaskedDiffusion(
        OssammaConfig(
            vocab_size=tokenizer.vocab_size,
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            num_oscillators=4,
            time_dimension=8,
        )
    )
    rows = [row_of(tokenizer, number, text) for number, text in enumerate(TEXTS)]
    samples = draw_samples(model, tokenizer, rows, "cosine")
    assert [sample["text"] for sample in samples["completed"]] == list(TEXTS)
    assert model.training
    for sample in samples["completed"]:
        begin, *rest = (part for part in sample["shown"].split("[MASK]") if part)
        assert sample["completion"].startswith(begin)
        place = len(begin)
        for part in rest:
            place = sample["completion"].index(part, place) + len(part)
    assert samples["completed"][2]["completion"] == TEXTS[2]
    assert not any("[MASK]" in text or "[PAD]" in text for text in samples["free"])
    assert samples == draw_samples(model, tokenizer, rows, "cosine")
