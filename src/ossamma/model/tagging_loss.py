"""The loss of a tagger: the CRF's, the token cross-entropy and the boundaries, added up.

B rows, T pieces, S segments, W words, K tags.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ossamma.model.configuration import OssammaConfig
from ossamma.model.crf import LinearChainCRF
from ossamma.model.heads import boundary_loss, token_loss
from ossamma.tokenization.alignment import IGNORED_LABEL


@dataclass(frozen=True, slots=True, eq=False)
class Supervision:
    """What is known of the words of a batch.

    `allowed_SWK` are the tags that the annotation allows, `mask_SW` is True at real words, and
    `weights_S` is the loss weight of each segment, None for 1.
    """

    allowed_SWK: Tensor
    mask_SW: Tensor
    weights_S: Tensor | None = None


def tagging_loss(
    crf: LinearChainCRF,
    emissions_SWK: Tensor,
    boundaries_SW2: Tensor | None,
    target: Supervision,
    config: OssammaConfig,
) -> Tensor:
    """Return the loss in nats per word, a scalar.

    Raises:
        DataError: no legal sequence of tags fits the supervision.
    """
    allowed_SWK, mask_SW = target.allowed_SWK, target.mask_SW
    weights_S = target.weights_S
    if weights_S is None:
        weights_S = torch.ones(len(mask_SW), device=mask_SW.device)
    total = emissions_SWK.new_zeros((), dtype=torch.float32)
    if config.use_crf:
        nll_S = crf.negative_log_likelihood(
            emissions_SWK, allowed_SWK, mask_SW, omission_rate=config.omission_rate
        )
        total = total + (nll_S * weights_S).sum() / mask_SW.sum().clamp_min(1)
    token_weight = config.token_loss_weight if config.use_crf else 1.0
    if token_weight > 0.0:
        total = total + token_weight * token_loss(
            emissions_SWK,
            allowed_SWK,
            mask_SW,
            weights_S,
            label_smoothing=config.label_smoothing,
            focal_gamma=config.focal_gamma,
        )
    if config.boundary_loss_weight > 0.0 and boundaries_SW2 is not None:
        total = total + config.boundary_loss_weight * boundary_loss(
            boundaries_SW2, allowed_SWK, mask_SW, weights_S
        )
    return total


def supervision_from_labels(labels_BT: Tensor, num_tags: int) -> tuple[Tensor, Tensor, Tensor]:
    """Turn per-piece labels (-100 where there is none) into word positions and allowed tags.

    Returns:
        first_pieces (B, W), word_mask (B, W) and allowed_tags (B, W, K): one segment per row.
    """
    labelled = labels_BT != IGNORED_LABEL
    counts = labelled.sum(1)
    width = max(int(counts.max()), 1)
    # A stable sort brings the labelled pieces to the front in their order.
    first_pieces = labelled.int().argsort(dim=1, descending=True, stable=True)[:, :width]
    word_mask = torch.arange(width, device=labels_BT.device)[None, :] < counts[:, None]
    tags = labels_BT.gather(1, first_pieces).masked_fill(~word_mask, 0)
    allowed = nn.functional.one_hot(tags, num_tags).bool()
    row_start = torch.arange(len(labels_BT), device=labels_BT.device)[:, None] * labels_BT.shape[1]
    return (first_pieces + row_start).masked_fill(~word_mask, 0), word_mask, allowed
