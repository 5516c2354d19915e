"""OssammaModel and its two heads, on Hugging Face conventions.

B windows, T pieces, F word features, S segments, W words, D width, K tags, V vocabulary.

A segment is a line or sentence: the row of words that one CRF sequence runs over. A window may
hold several.
"""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from typing import Any, Self, cast

import torch
from torch import Tensor, nn
from transformers import (
    AutoModel,
    AutoModelForMaskedLM,
    AutoModelForTokenClassification,
    PreTrainedModel,
    initialization,
)
from transformers.modeling_outputs import BaseModelOutput, MaskedLMOutput
from transformers.utils.generic import ModelOutput

from ossamma.model.block import OssammaBlock
from ossamma.model.configuration import OssammaConfig
from ossamma.model.crf import LinearChainCRF
from ossamma.model.embedding import FeatureTable, HashedFeatures, PieceEmbedding
from ossamma.model.heads import TaggingHead
from ossamma.model.hugging_face import HuggingFaceEncoder
from ossamma.model.linear import StartedLinear
from ossamma.model.linear_attention import LinearAttention
from ossamma.model.norm import TimeEmbedding
from ossamma.model.oscillator import DLinOSS
from ossamma.model.packed_weights import find_packed, read_weights, whereabouts
from ossamma.model.tagging_loss import Supervision, supervision_from_labels, tagging_loss
from ossamma.schema.errors import ConfigurationError
from ossamma.schema.labels import LabelSet
from ossamma.tokenization.alignment import IGNORED_LABEL


class OssammaPreTrainedModel(PreTrainedModel):
    """Loading, saving and initialisation shared by the models."""

    config_class = OssammaConfig
    base_model_prefix = "encoder"
    supports_gradient_checkpointing = False

    config: OssammaConfig
    # The Trainer would otherwise rescale loss and gradients by accumulation steps and processes.
    accepts_loss_kwargs = False

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | PathLike[Any] | None,
        *args: Any,
        **kwargs: Any,
    ) -> Self:
        """Load as Hugging Face does; a release in int8 is brought back to float32 first.

        Arguments and result are those of `PreTrainedModel.from_pretrained`.
        """
        name: Any = pretrained_model_name_or_path
        packed = None if name is None or "state_dict" in kwargs else find_packed(name, kwargs)
        if packed is not None:
            if kwargs.get("config") is None:
                kwargs["config"] = cls.config_class.from_pretrained(name, **whereabouts(kwargs))
            kwargs["state_dict"] = read_weights(packed)
            name = None
        # Its annotation does not know that `output_loading_info` makes the result a pair.
        loaded: Self = super().from_pretrained(name, *args, **kwargs)
        return loaded

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        """Initialise the module's own tensors, but those that came from a checkpoint.

        Loading builds modules without memory and then calls this for every module that owns a
        tensor which the checkpoint does not hold. A module that owns none is never asked, so that
        nothing here may reach into a child.
        """
        # Linear, Embedding and LayerNorm. All functions of `initialization` spare loaded tensors.
        super()._init_weights(module)  # type: ignore[no-untyped-call]
        if isinstance(module, StartedLinear):
            initialization.normal_(module.weight, std=module.start_std)
        elif isinstance(module, FeatureTable):
            initialization.normal_(module.weight, std=1.0)
        elif isinstance(module, HashedFeatures):
            initialization.copy_(module.offsets, module.fresh_offsets())
        elif isinstance(module, DLinOSS) and not _is_loaded(module.free_angle_N):
            module.reset_oscillators()
        elif isinstance(module, LinearAttention) and not _is_loaded(module.feature_HFE):
            module.reset_features()
        elif isinstance(module, LinearChainCRF):
            own = [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]
            fresh = module.fresh_state()
            for name, tensor in own:
                initialization.copy_(tensor, fresh[name])


def _is_loaded(tensor: Tensor) -> bool:
    """Whether the tensor came from a checkpoint, in the book-keeping of Transformers."""
    return getattr(tensor, "_is_hf_initialized", False)


class OssammaModel(OssammaPreTrainedModel):
    """The encoder: pieces to hidden states, at any length."""

    def __init__(self, config: OssammaConfig) -> None:
        super().__init__(config)
        self.embedding = PieceEmbedding(config)
        self.time_embedding = TimeEmbedding(config.time_dimension)
        self.blocks = nn.ModuleList(OssammaBlock(config) for _ in range(config.num_hidden_layers))
        self.norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.post_init()  # type: ignore[no-untyped-call]

    def get_input_embeddings(self) -> nn.Module:
        """The piece embedding, for weight tying."""
        return self.embedding.tokens

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Replace the piece embedding."""
        self.embedding.tokens = cast("nn.Embedding", value)

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        word_features: Tensor | None = None,
        time: Tensor | None = None,
    ) -> BaseModelOutput:
        """Encode a batch.

        Args:
            input_ids: (B, T) pieces.
            attention_mask: (B, T), non-zero at real pieces; None means all are real.
            word_features: (B, T, F) feature rows, for models configured with word features.
            time: (B,) diffusion time in [0, 1]; None means the configured `tagging_time`.

        Returns:
            `last_hidden_state` of shape (B, T, D).
        """
        if attention_mask is None:
            attention_mask = torch.ones_like(input_ids)
        mask_BT = attention_mask.bool()
        if time is None:
            time = input_ids.new_full((1,), self.config.tagging_time, dtype=torch.float32)
        time_BE = self.time_embedding(time)
        x_BTD = self.embedding(input_ids, word_features)
        for block in self.blocks:
            x_BTD = block(x_BTD, time_BE, mask_BT)
        return BaseModelOutput(last_hidden_state=self.norm(x_BTD))


class OssammaForMaskedDiffusion(OssammaPreTrainedModel):
    """The encoder with a language-model head that names the masked pieces."""

    # The base class declares it for instances, so that ClassVar would not type-check.
    _tied_weights_keys = {"head.weight": "encoder.embedding.tokens.weight"}  # noqa: RUF012

    def __init__(self, config: OssammaConfig) -> None:
        super().__init__(config)
        self.encoder = OssammaModel(config)
        self.head = nn.Linear(config.hidden_size, config.vocab_size, bias=True)
        self.post_init()  # type: ignore[no-untyped-call]

    def get_output_embeddings(self) -> nn.Module:
        """The output projection, tied to the piece embedding if the configuration says so."""
        return self.head

    def set_output_embeddings(self, value: nn.Linear) -> None:
        """Replace the output projection."""
        self.head = value

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        word_features: Tensor | None = None,
        time: Tensor | None = None,
        labels: Tensor | None = None,
        weights: Tensor | None = None,
    ) -> MaskedLMOutput:
        """Name the masked pieces.

        Args:
            input_ids: (B, T) pieces, some of them masked.
            attention_mask: (B, T), non-zero at real pieces.
            word_features: (B, T, F) feature rows.
            time: (B,) diffusion time.
            labels: (B, T) the masked pieces, -100 elsewhere.
            weights: (B,) what each row's cross-entropies weigh in the sum; None takes their mean.

        Returns:
            `logits` (B, T, V); with labels only those of the M labelled pieces, (M, V) in order,
            for the projection is most of the work, and `loss` in nats. Without any label the loss
            is 0.
        """
        states = self.encoder(input_ids, attention_mask, word_features, time).last_hidden_state
        if labels is None:
            return MaskedLMOutput(logits=self.head(states))
        row_M, piece_M = torch.nonzero(labels != IGNORED_LABEL, as_tuple=True)
        logits_MV = self.head(states[row_M, piece_M])
        losses_M = nn.functional.cross_entropy(
            logits_MV.float(), labels[row_M, piece_M], reduction="none"
        )
        if weights is None:
            loss = losses_M.sum() / max(len(losses_M), 1)
        else:
            loss = (losses_M * weights[row_M]).sum()
        return MaskedLMOutput(loss=loss, logits=logits_MV)


@dataclass
class TaggingOutput(ModelOutput):
    """What OssammaForTokenClassification returns.

    `logits` are emissions: (S, W, K) at words if `first_pieces` was given, else (B, T, K) at
    pieces. `boundary_logits` are of shape (S, W, 2) or (B, T, 2); None in a release, which has no
    boundary head.
    """

    loss: Tensor | None = None
    logits: Tensor | None = None
    boundary_logits: Tensor | None = None


def make_encoder(config: OssammaConfig) -> OssammaModel | HuggingFaceEncoder:
    """Return the encoder that a configuration describes: ours, or one of transformers.

    Both have the same forward; nothing else here knows which it is.
    """
    return OssammaModel(config) if config.encoder is None else HuggingFaceEncoder(config.encoder)


class OssammaForTokenClassification(OssammaPreTrainedModel):
    """The encoder with emissions, boundary head and CRF.

    `config.id2label` must be the tags of a LabelSet: O, B-X, I-X, B-Y, I-Y, ...; see `tag_entries`.
    """

    def __init__(self, config: OssammaConfig) -> None:
        super().__init__(config)
        self.labels = _label_set(config)
        self.encoder = make_encoder(config)
        self.head = TaggingHead(config, self.labels.num_tags)
        self.crf = LinearChainCRF(self.labels)
        if not config.use_crf:
            # Zero transitions that stay zero: legal decoding over independent token scores.
            _hold_still(self.crf)
        self.post_init()  # type: ignore[no-untyped-call]

    def forward(  # noqa: PLR0913  the interface of Hugging Face: one argument per column of a batch
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        word_features: Tensor | None = None,
        first_pieces: Tensor | None = None,
        word_mask: Tensor | None = None,
        allowed_tags: Tensor | None = None,
        weights: Tensor | None = None,
        labels: Tensor | None = None,
        time: Tensor | None = None,
        margins: Tensor | None = None,
    ) -> TaggingOutput:
        """Score the tags of words and, given supervision, return the loss in nats per word.

        Args:
            input_ids: (B, T) pieces.
            attention_mask: (B, T), non-zero at real pieces.
            word_features: (B, T, F) feature rows.
            first_pieces: (S, W) each word's first piece, as an index into the B * T pieces.
            word_mask: (S, W), True at real words; they come first.
            allowed_tags: (S, W, K), the tags that the annotation allows; needs `first_pieces` and
                `word_mask`.
            weights: (S,) loss weight of each segment; 1 if None.
            labels: (B, T) one tag per first piece, -100 elsewhere: the usual Hugging Face form, in
                place of `first_pieces`, `word_mask` and `allowed_tags`. Each row is one segment.
            time: (B,) diffusion time; None means the configured `tagging_time`.
            margins: (S, W) what tags that are not allowed are given, see `Supervision`; 0 if None.

        Raises:
            ConfigurationError: supervision that is incomplete or given in both forms.
            DataError: no legal sequence of tags fits the supervision.
        """
        _refuse_half_supervision(first_pieces, word_mask, allowed_tags, labels)
        states_BTD = self.encoder(input_ids, attention_mask, word_features, time).last_hidden_state
        if first_pieces is not None:
            states_BTD = states_BTD.flatten(0, 1)[first_pieces]
        logits, boundaries = self.head(states_BTD)
        loss = None
        if allowed_tags is not None and word_mask is not None:
            target = Supervision(allowed_tags, word_mask, weights, margins)
            loss = tagging_loss(self.crf, logits, boundaries, target, self.config)
        elif labels is not None:
            pieces_SW, mask_SW, allowed_SWK = supervision_from_labels(labels, self.labels.num_tags)
            loss = tagging_loss(
                self.crf,
                logits.flatten(0, 1)[pieces_SW],
                None if boundaries is None else boundaries.flatten(0, 1)[pieces_SW],
                Supervision(allowed_SWK, mask_SW, weights),
                self.config,
            )
        return TaggingOutput(loss=loss, logits=logits, boundary_logits=boundaries)


def _hold_still(module: nn.Module) -> None:
    """Turn a module's own parameters into buffers: saved and loaded alike, but never trained.

    A frozen parameter would not do: loading puts fresh parameters in its place, which learn again.
    """
    for name, parameter in list(module.named_parameters(recurse=False)):
        delattr(module, name)
        module.register_buffer(name, parameter.detach())


def _label_set(config: OssammaConfig) -> LabelSet:
    """Read the label set out of `id2label`."""
    names = {int(index): tag for index, tag in (config.id2label or {}).items()}
    return LabelSet.from_tags([names[index] for index in sorted(names)])


def _refuse_half_supervision(
    first_pieces: Tensor | None,
    word_mask: Tensor | None,
    allowed_tags: Tensor | None,
    labels: Tensor | None,
) -> None:
    """Raise ConfigurationError where a loss was asked for that cannot be computed."""
    if allowed_tags is not None and (first_pieces is None or word_mask is None):
        raise ConfigurationError("allowed_tags need first_pieces and word_mask beside them")
    if labels is not None and (first_pieces is not None or allowed_tags is not None):
        raise ConfigurationError(
            "expected either labels or first_pieces, word_mask and allowed_tags, got both"
        )


def tag_entries(labels: LabelSet) -> dict[str, Any]:
    """Return the configuration entries that name a label set."""
    return {
        "id2label": dict(enumerate(labels.tags)),
        "label2id": dict(labels.tag_index),
    }


AutoModel.register(OssammaConfig, OssammaModel, exist_ok=True)
AutoModelForMaskedLM.register(OssammaConfig, OssammaForMaskedDiffusion, exist_ok=True)
AutoModelForTokenClassification.register(
    OssammaConfig, OssammaForTokenClassification, exist_ok=True
)
