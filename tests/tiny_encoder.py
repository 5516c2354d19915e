"""The smallest encoders of several families, made on the spot and saved as Hugging Face does."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    AutoConfig,
    AutoModel,
    BertTokenizerFast,
    PreTrainedTokenizerFast,
    RobertaTokenizerFast,
)

FAMILIES = ("bert", "roberta", "deberta-v2", "modernbert")
"""Families by their `model_type`; DeBERTa v3 has that of v2."""
WIDTH = 16
_SPECIAL = {
    "bert": ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
    "roberta": ("<s>", "<pad>", "</s>", "<unk>", "<mask>"),
}
_SMALL = {
    "hidden_size": WIDTH,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 24,
}
_OWN: dict[str, dict[str, object]] = {
    "deberta-v2": {
        "relative_attention": True,
        "position_buckets": 16,
        "norm_rel_ebd": "layer_norm",
        "share_att_key": True,
        "pos_att_type": ["p2c", "c2p"],
        "position_biased_input": False,
        "type_vocab_size": 0,
    },
    "modernbert": {
        "bos_token_id": 0,
        "cls_token_id": 0,
        "eos_token_id": 2,
        "sep_token_id": 2,
        "local_attention": 16,
        "global_attn_every_n_layers": 2,
    },
}
"""What a family's published models have and its defaults have not."""


def write_encoder(
    folder: Path,
    texts: list[str],
    family: str = "roberta",
    *,
    seed: int = 0,
    layers: int = 1,
    pieces: int = 128,
) -> Path:
    """Write a random encoder that reads so many pieces, with a tokenizer trained on the texts."""
    tokenizer = _TOKENIZERS[family](texts)
    tokenizer.model_max_length = pieces
    config = AutoConfig.for_model(
        family,
        vocab_size=len(tokenizer),
        pad_token_id=tokenizer.pad_token_id,
        max_position_embeddings=pieces + 2,  # RoBERTa counts from its padding
        **{**_SMALL, **_OWN.get(family, {}), "num_hidden_layers": layers},
    )
    torch.manual_seed(seed)
    AutoModel.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _byte_level(texts: list[str]) -> PreTrainedTokenizerFast:
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=list(_SPECIAL["roberta"]),
        initial_alphabet=alphabet,
        show_progress=False,
    )
    made.train_from_iterator(texts, trainer)
    made.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    return RobertaTokenizerFast(tokenizer_object=made, add_prefix_space=True)


def _word_pieces(texts: list[str]) -> PreTrainedTokenizerFast:
    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(
        vocab_size=200, special_tokens=list(_SPECIAL["bert"]), show_progress=False
    )
    made.train_from_iterator(texts, trainer)
    return BertTokenizerFast(tokenizer_object=made, do_lower_case=False)


def _sentence_pieces(texts: list[str]) -> PreTrainedTokenizerFast:
    """As DeBERTa v3 has it: a unigram model over text whose spaces are pieces of their own."""
    made = Tokenizer(models.Unigram())
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.decoder = decoders.Metaspace()
    names = _SPECIAL["bert"]
    trainer = trainers.UnigramTrainer(
        vocab_size=120, special_tokens=list(names), unk_token="[UNK]", show_progress=False
    )
    made.train_from_iterator(texts, trainer)
    ends = [(name, made.token_to_id(name)) for name in ("[CLS]", "[SEP]")]
    made.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", special_tokens=ends)
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )


_TOKENIZERS = {
    "bert": _word_pieces,
    "roberta": _byte_level,
    "deberta-v2": _sentence_pieces,
    "modernbert": _byte_level,
}
