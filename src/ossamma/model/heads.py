"""The tagging head and its losses beside the CRF: boundaries and the token cross-entropy.

S segments, W words, D width, K tags.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ossamma.model.configuration import OssammaConfig


class TaggingHead(nn.Module):
    """LN -> dropout -> emissions (K tag scores), and boundary logits (starts here, ends here)."""

    def __init__(self, config: OssammaConfig, num_tags: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.head_dropout)
        self.emissions = nn.Linear(config.hidden_size, num_tags)
        # Only training needs it: a release goes without.
        self.boundaries = nn.Linear(config.hidden_size, 2) if config.boundary_head else None

    def forward(self, x_SWD: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return emissions (S, W, K) and boundary logits (S, W, 2) if there is such a head."""
        x_SWD = self.dropout(self.norm(x_SWD))
        return self.emissions(x_SWD), None if self.boundaries is None else self.boundaries(x_SWD)


def boundary_targets(allowed_SWK: Tensor, mask_SW: Tensor) -> tuple[Tensor, Tensor]:
    """Does an entity start at a word; does one end there; and is either certain.

    An annotation that leaves types open may still be certain of the borders, or not: what the
    allowed sets do not settle is left out of the loss. Reads the sets that `allowed_tags` makes,
    in which I-X is allowed only where the word before may be B-X or I-X.

    Returns:
        targets (S, W, 2) and certain (S, W, 2), both bool; start first, end second. Nothing is
        certain at padding.
    """
    outside = allowed_SWK[..., 0]
    begin = allowed_SWK[..., 1::2].any(-1)
    inside = allowed_SWK[..., 2::2].any(-1)
    starts = begin & ~outside & ~inside
    never_starts = ~begin
    # The last word of a sequence is followed by nothing: nothing can continue there.
    may_continue = torch.zeros_like(inside)
    may_continue[:, :-1] = inside[:, 1:] & mask_SW[:, 1:]
    next_must_continue = torch.zeros_like(inside)
    next_must_continue[:, :-1] = (inside & ~outside & ~begin)[:, 1:] & mask_SW[:, 1:]
    ends = ~outside & (begin | inside) & ~may_continue
    never_ends = (outside & ~begin & ~inside) | next_must_continue
    targets = torch.stack([starts, ends], dim=-1)
    certain = torch.stack([starts | never_starts, ends | never_ends], dim=-1)
    return targets, certain & mask_SW[..., None]


def mean_over_words(loss_SW: Tensor, mask_SW: Tensor, weights_S: Tensor) -> Tensor:
    """Return sum(weight x loss) / number of words, over real words; 0 without any.

    The weights do not count in the divisor: a batch of documents that all weigh 3 gives three times
    the loss of one whose documents weigh 1.
    """
    # Filled, not multiplied by 0: at padding the set may be empty, and its loss infinite.
    weighted_SW = (loss_SW * weights_S[:, None]).masked_fill(~mask_SW, 0.0)
    return weighted_SW.sum() / mask_SW.sum().clamp_min(1)


def boundary_loss(
    logits_SW2: Tensor, allowed_SWK: Tensor, mask_SW: Tensor, weights_S: Tensor
) -> Tensor:
    """Binary cross-entropy of the boundary logits, summed over both questions.

    Returns a scalar in nats per word, see `mean_over_words`.
    """
    targets_SW2, certain_SW2 = boundary_targets(allowed_SWK, mask_SW)
    loss_SW2 = nn.functional.binary_cross_entropy_with_logits(
        logits_SW2.float(), targets_SW2.float(), reduction="none"
    )
    return mean_over_words((loss_SW2 * certain_SW2).sum(-1), mask_SW, weights_S)


def token_loss(
    emissions_SWK: Tensor,
    allowed_SWK: Tensor,
    mask_SW: Tensor,
    weights_S: Tensor,
    *,
    label_smoothing: float,
    focal_gamma: float,
) -> Tensor:
    """Token cross-entropy against the allowed set, smoothed and focal.

    With p the probability of the whole allowed set, the loss of a word is
    ``(1 - p)^gamma * -log p`` (focal: Lin et al. 2017, eq. 4), mixed with the mean of -log p_k over
    all tags by `label_smoothing` (Szegedy et al. 2016, section 7). Smoothing and focal weights act
    on single tokens; the CRF likelihood is one number per sequence and takes neither.

    Returns a scalar in nats per word, see `mean_over_words`.
    """
    log_p_SWK = emissions_SWK.float().log_softmax(-1)
    log_allowed_SW = log_p_SWK.masked_fill(~allowed_SWK, -torch.inf).logsumexp(-1)
    hard_SW = -log_allowed_SW
    if focal_gamma > 0.0:
        # Kept off 1 - p = 0, where a power below 1 has no derivative.
        hard_SW = hard_SW * (-torch.expm1(log_allowed_SW.clamp_max(-1e-6))) ** focal_gamma
    loss_SW = (1.0 - label_smoothing) * hard_SW - label_smoothing * log_p_SWK.mean(-1)
    return mean_over_words(loss_SW, mask_SW, weights_S)
