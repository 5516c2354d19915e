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
    `weights_S` is the loss weight of each segment, None for 1. `margins_SW` is what a tag that is
    not allowed is given at a word, in nats and at least 0; None for 0.
    """

    allowed_SWK: Tensor
    mask_SW: Tensor
    weights_S: Tensor | None = None
    margins_SW: Tensor | None = None


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
        nll_S = focal(_chain_loss(crf, emissions_SWK, target, config), mask_SW, config)
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


def _chain_loss(
    crf: LinearChainCRF, emissions_SWK: Tensor, target: Supervision, config: OssammaConfig
) -> Tensor:
    """Return the CRF's loss of each segment, (S,) in nats, with the margins where there are any.

    Softmax-margin (Gimpel and Smith 2010, equation 6): log sum exp(score + cost) over all paths,
    less the log-sum over those that the annotation allows. The cost of a path is the sum of the
    margins at the words where its tag is not allowed. It decomposes over words, so that the
    log-sum is an ordinary partition of emissions to which the margins were added; and it is 0
    inside the allowed sets, so that one pass over the same emissions gives both terms.
    """
    if target.margins_SW is not None:
        cost_SWK = target.margins_SW[..., None].masked_fill(target.allowed_SWK, 0.0)
        emissions_SWK = emissions_SWK + cost_SWK
    return crf.negative_log_likelihood(
        emissions_SWK, target.allowed_SWK, target.mask_SW, omission_rate=config.omission_rate
    )


def focal(nll_S: Tensor, mask_SW: Tensor, config: OssammaConfig) -> Tensor:
    """Return (1 - p)^gamma * nll of each segment, (S,), p the mean probability of its words.

    The focal loss (Lin et al. 2017, equation 4) for sequences: the likelihood of a chain is no
    product over words, so p is the geometric mean, exp(-nll / words). gamma is `crf_focal_gamma`;
    0 changes nothing.
    """
    if config.crf_focal_gamma == 0.0:
        return nll_S
    # Kept off 0, where a power below 1 has no derivative.
    per_word_S = (nll_S / mask_SW.sum(1).clamp_min(1)).clamp_min(1e-6)
    return nll_S * (-torch.expm1(-per_word_S)) ** config.crf_focal_gamma


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
