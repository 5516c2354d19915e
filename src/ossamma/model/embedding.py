"""From pieces and word features to the first hidden states.

B batch, T pieces, D width, F features, E feature width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ossamma.model.configuration import OssammaConfig
from ossamma.model.linear import StartedLinear
from ossamma.schema.errors import ConfigurationError


class PieceEmbedding(nn.Module):
    """x = LayerNorm(token_embedding(ids) + word features). No absolute positions.

    With `piece_dropout`, a piece is sometimes read as [MASK] during training, so that the model
    learns to do without words it may never have seen.
    """

    def __init__(self, config: OssammaConfig) -> None:
        super().__init__()
        self.tokens = nn.Embedding(
            config.vocab_size, config.hidden_size, padding_idx=config.pad_token_id
        )
        self.features: nn.Module = (
            HashedFeatures(config) if config.word_features else NoWordFeatures()
        )
        self.norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.dropout)
        self.piece_dropout = config.piece_dropout
        self.mask_token_id = config.mask_token_id

    def forward(self, input_ids_BT: Tensor, features_BTF: Tensor | None) -> Tensor:
        """Return (B, T, D)."""
        tokens_BTD = self.tokens(self._drop_pieces(input_ids_BT))
        x_BTD: Tensor = self.dropout(self.norm(tokens_BTD + self.features(features_BTF)))
        return x_BTD

    def _drop_pieces(self, input_ids_BT: Tensor) -> Tensor:
        if not self.training or self.piece_dropout == 0.0:
            return input_ids_BT
        dropped = torch.rand(input_ids_BT.shape, device=input_ids_BT.device) < self.piece_dropout
        return input_ids_BT.masked_fill(dropped, self.mask_token_id)


class FeatureTable(nn.Embedding):
    """Rows of hashed features. They start with standard deviation 1."""


class HashedFeatures(nn.Module):
    """Embeddings of hashed word features, side by side, mixed by a maxout layer.

    Hash embeddings after Svenstrup et al. 2017; features and mixing as in spaCy's tok2vec
    (Miranda et al. 2022, "Multi hash embeddings in spaCy"), written anew.
    """

    offsets: Tensor

    def __init__(self, config: OssammaConfig) -> None:
        super().__init__()
        rows = [rows for _, rows in config.word_features]
        width = config.word_feature_width
        # One table for all features: a single lookup is several times faster than one each.
        self.num_rows = tuple(rows)
        self.register_buffer("offsets", self.fresh_offsets(), persistent=True)
        self.table = FeatureTable(sum(rows), width)
        num_inputs = len(rows) * width
        # The mixture of fresh features then has a variance of about 1.
        self.mix = StartedLinear(num_inputs, 3 * config.hidden_size, start_std=num_inputs**-0.5)
        self.feature_dropout = config.feature_dropout

    def fresh_offsets(self) -> Tensor:
        """Return each feature's first row in the common table, (F,)."""
        return torch.tensor([sum(self.num_rows[:i]) for i in range(len(self.num_rows))])

    def forward(self, features_BTF: Tensor | None) -> Tensor:
        """Return (B, T, D); zero at positions outside words (feature rows 0).

        Raises:
            ConfigurationError: no features, or another number of them than the model reads.
        """
        if features_BTF is None or features_BTF.shape[-1] != len(self.offsets):
            got = None if features_BTF is None else tuple(features_BTF.shape)
            raise ConfigurationError(
                f"this model reads {len(self.offsets)} word features per piece: expected "
                f"word_features of shape (B, T, {len(self.offsets)}), got {got}"
            )
        embedded_BTFE = self.table(features_BTF + self.offsets)
        kept_BTF1 = (features_BTF > 0).unsqueeze(-1).to(embedded_BTFE.dtype)
        if self.training and self.feature_dropout > 0.0:
            kept_BTF1 = kept_BTF1 * (torch.rand_like(kept_BTF1) >= self.feature_dropout)
        candidates = self.mix((embedded_BTFE * kept_BTF1).flatten(-2))
        mixed: Tensor = candidates.unflatten(-1, (3, -1)).amax(dim=-2)
        return mixed * kept_BTF1.amax(dim=2)


class NoWordFeatures(nn.Module):
    """A model of pieces alone."""

    def forward(self, features_BTF: Tensor | None) -> float:
        """Return 0."""
        del features_BTF
        return 0.0
