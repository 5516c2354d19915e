"""Sum-product recursions of a linear chain under BIO: log-partition, gradients and posteriors.

Dimensions: B rows of the batch, R rows of one pass (B, or 2B when two problems are stacked),
T words, K tags (K = 1 + 2M), M types. Inside a recursion time comes first and rows come last,
(T, K, R), so that every step works on contiguous vectors.

The fast forward step exploits what BIO leaves legal. O and every B- may follow any tag, so their
log-sum-exp over sources is one matrix product of exp(score - row maximum): the row's best source
reaches every one of these targets, hence what underflows is below rounding (`is_narrow` states
the one condition, on the parameters). I-X follows only B-X and I-X: a two-term log-add-exp. The
state stays in log space, is shifted at each step, and the shifts are added up in float64. Its unit
is the bit: torch's exp and log are ten times slower on a CPU where they underflow, exp2 is not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

FORBIDDEN = -1e30
"""Score of an impossible move or tag: finite, so that no difference of two of them is NaN."""

EMISSION_LIMIT = 1e9
"""Emissions are clamped to +-this: an infinite one still decides, and nothing turns NaN."""

_WIDEST = {torch.float32: 60.0, torch.float64: 600.0}
_STEPS_AT_ONCE = 1024

NATS = math.log(2.0)
"""Nats in a bit."""

BITS = 1.0 / NATS
"""Bits in a nat."""

Blocks = tuple[Tensor | None, ...]
"""Problems to stack in one pass: for each what its tags weigh beside their emissions, (B, T, K) in
nats with `FORBIDDEN` where a tag is not allowed; or None where all are, and weigh nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class ChainScores:
    """The parameters of a chain, with `FORBIDDEN` wherever BIO allows no move."""

    transitions_KK: Tensor
    start_K: Tensor
    end_K: Tensor

    def to(self, dtype: torch.dtype) -> ChainScores:
        """The same scores in another precision."""
        return ChainScores(
            self.transitions_KK.to(dtype), self.start_K.to(dtype), self.end_K.to(dtype)
        )


@dataclass(frozen=True, slots=True, eq=False)
class Sweep:
    """What one forward pass leaves behind.

    `score_TKR` is the log-sum of all paths into a tag in bits, less all shifts up to that word;
    `weight_TKR` its power of two; `inflow_TKR` the matrix product that led into O and B- tags;
    `shift_TR` what each word subtracted.
    """

    score_TKR: Tensor
    weight_TKR: Tensor
    inflow_TKR: Tensor
    shift_TR: Tensor


def legal_moves(num_tags: int) -> Tensor:
    """Which tag may follow which, (K, K) bool [from, to], for tags O, B-X, I-X, B-Y, I-Y, ...

    Column I-X is True only at B-X and I-X. A sequence may start with any tag but an I-.
    """
    tag_K = torch.arange(num_tags)
    is_inside_K = (tag_K > 0) & (tag_K % 2 == 0)
    same_type_KK = (tag_K[:, None] + 1) // 2 == (tag_K[None, :] + 1) // 2
    return ~is_inside_K[None, :] | same_type_KK


def time_steps(*buffers: Tensor, reverse: bool = False) -> Iterator[tuple[Tensor, ...]]:
    """Yield the views of one time step of all buffers, first to last word or in reverse.

    Views are made in bulk, which is much cheaper than indexing, but never for all of a long
    sequence at once.
    """
    blocks = list(zip(*(buffer.split(_STEPS_AT_ONCE) for buffer in buffers), strict=True))
    for block in reversed(blocks) if reverse else blocks:
        steps = list(zip(*(part.unbind(0) for part in block), strict=True))
        yield from reversed(steps) if reverse else steps


def clean_emissions(emissions_BTK: Tensor, mask_BT: Tensor) -> Tensor:
    """Emissions with zeros at padding, whatever stood there, and no infinities."""
    known_BTK = torch.where(mask_BT.unsqueeze(2), emissions_BTK, 0.0)
    return known_BTK.clamp(-EMISSION_LIMIT, EMISSION_LIMIT)


def lay_out(emissions_BTK: Tensor, mask_BT: Tensor, blocks: Blocks = (None,)) -> Tensor:
    """Stack the problems of `blocks` as rows of one (T, K, R) tensor. Differentiable."""
    known_TKB = clean_emissions(emissions_BTK, mask_BT).permute(1, 2, 0).contiguous()
    rows = [
        known_TKB
        if weight_BTK is None
        else known_TKB + torch.where(mask_BT.unsqueeze(2), weight_BTK, 0.0).permute(1, 2, 0)
        for weight_BTK in blocks
    ]
    return torch.cat(rows, dim=2)


def log_weights(allowed_BTK: Tensor, omission_rate: float, dtype: torch.dtype) -> Tensor:
    """What each tag weighs in a block of paths that an annotation admits, (B, T, K) in nats.

    Where O is allowed beside other tags, an entity may stand there that the annotator was not asked
    for: it was left unmarked with probability `omission_rate`, which its B- tag weighs.
    """
    weight_BTK = torch.zeros(allowed_BTK.shape, dtype=dtype, device=allowed_BTK.device)
    if omission_rate < 1.0:
        is_open_BT1 = allowed_BTK[..., :1]
        weight_BTK[..., 1::2] = torch.where(is_open_BT1, math.log(omission_rate), 0.0)
    return weight_BTK.masked_fill_(~allowed_BTK, FORBIDDEN)


def log_partition(
    emissions_BTK: Tensor, mask_BT: Tensor, scores: ChainScores, blocks: Blocks = (None,)
) -> Tensor:
    """Log-sum over the legal paths of every row of every block, (R,) float64, block by block.

    -inf where a block's allowed sets admit no legal path; 0 for a row without words. Differentiable
    once; memory is linear in T, and no autograd graph grows with it.
    """
    if not is_narrow(scores.transitions_KK):
        exact = scores.to(torch.float64)
        return log_partition_reference(emissions_BTK.double(), mask_BT, exact, blocks)
    apply: Callable[..., Tensor] = _LogPartition.apply
    return apply(
        emissions_BTK, scores.transitions_KK, scores.start_K, scores.end_K, mask_BT, blocks
    )


def log_partition_reference(
    emissions_BTK: Tensor, mask_BT: Tensor, scores: ChainScores, blocks: Blocks = (None,)
) -> Tensor:
    """The slow twin of `log_partition`: its definition, in plain log-sum-exp and autograd.

    Takes any transitions, at K x K exponentials and one autograd node per step.
    """
    emissions_TKR = lay_out(emissions_BTK, mask_BT, blocks)
    lengths_R = mask_BT.sum(1).repeat(len(blocks))
    path_TKR = path_sums_reference(
        emissions_TKR, scores.transitions_KK.unsqueeze(2), scores.start_K.unsqueeze(1)
    )
    logz_R = torch.logsumexp(at_last_word(path_TKR, lengths_R) + scores.end_K, dim=1).double()
    logz_R = torch.where(logz_R < FORBIDDEN / 2, -torch.inf, logz_R)
    return torch.where(lengths_R == 0, 0.0, logz_R)


def path_sums_reference(emissions_TKR: Tensor, moves_KKR: Tensor, first_KR: Tensor) -> Tensor:
    """Log-sum of all paths from the first word into each tag of each word, (T, K, R).

    The definition, step by step. `moves_KKR` [from, to, row] and `first_KR` may have one row.
    """
    path_KR = emissions_TKR[0] + first_KR
    paths = [path_KR]
    for emission_KR in emissions_TKR[1:]:
        path_KR = torch.logsumexp(path_KR.unsqueeze(1) + moves_KKR, dim=0) + emission_KR
        paths.append(path_KR)
    return torch.stack(paths)


class _LogPartition(torch.autograd.Function):
    """Log-partition whose gradient is the posterior: tags for emissions, moves for transitions."""

    @staticmethod
    def forward(  # noqa: PLR0913 - autograd wants every tensor as an argument of its own
        ctx: Any,  # noqa: ANN401 - torch does not name the type of its context
        emissions_BTK: Tensor,
        transitions_KK: Tensor,
        start_K: Tensor,
        end_K: Tensor,
        mask_BT: Tensor,
        blocks: Blocks,
    ) -> Tensor:
        sweep = forward_sweep(lay_out(emissions_BTK, mask_BT, blocks), transitions_KK, start_K)
        lengths_R = mask_BT.sum(1).repeat(len(blocks))
        logz_R, final_RK = close_sweep(sweep, end_K, lengths_R)
        ctx.num_blocks = len(blocks)
        ctx.save_for_backward(
            sweep.score_TKR,
            sweep.weight_TKR,
            sweep.inflow_TKR,
            sweep.shift_TR,
            transitions_KK,
            final_RK,
            lengths_R,
        )
        return logz_R

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_R: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        *buffers, transitions_KK, final_RK, lengths_R = ctx.saved_tensors
        final_RK = final_RK * grad_R.to(final_RK.dtype).unsqueeze(1)
        posterior_TKR, counts_KK = backward_sweep(
            Sweep(*buffers), transitions_KK, final_RK, lengths_R
        )
        blocks_TKB = posterior_TKR.chunk(ctx.num_blocks, dim=2)
        grad_BTK = sum(blocks_TKB[1:], start=blocks_TKB[0]).permute(2, 0, 1)
        return grad_BTK, counts_KK, posterior_TKR[0].sum(1), final_RK.sum(0), None, None


def is_narrow(transitions_KK: Tensor) -> bool:
    """Whether exp(transition - largest transition) is safe to multiply with.

    If the scores of moves into O and B- spread over less than 60 nats (float64: 600), each sum of
    such a product is at least exp(-60), 12 orders of magnitude above what float32 loses.
    """
    open_KN = _open_columns(transitions_KK).detach()
    return bool(open_KN.max() - open_KN.min() < _WIDEST[transitions_KK.dtype])


def _open_columns(transitions_KK: Tensor) -> Tensor:
    """The moves into O and B-, which are all legal, (K, M + 1)."""
    return torch.cat((transitions_KK[:, :1], transitions_KK[:, 1::2]), dim=1)


def move_weights(transitions_KK: Tensor) -> tuple[Tensor, Tensor]:
    """Exponentials of the moves into O and B-, (K, K), and the log of their scale, () in nats.

    The columns of I- are never used, but are multiplied along: ones keep their logarithm quick.
    """
    peak = _open_columns(transitions_KK).max()
    weight_KK = (transitions_KK - peak).exp()
    weight_KK[:, 2::2] = 1.0
    return weight_KK, peak


def moves_inside(transitions_KK: Tensor) -> Tensor:
    """Scores of B-X -> I-X and I-X -> I-X, (M, 2) in nats."""
    begin_M = transitions_KK[1::2, 2::2].diagonal()
    inside_M = transitions_KK[2::2, 2::2].diagonal()
    return torch.stack((begin_M, inside_M), dim=1)


def entities(tensor_TKR: Tensor) -> Tensor:
    """View of the B- and I- rows as (T, M, 2, R)."""
    num_words, num_tags, num_rows = tensor_TKR.shape
    return tensor_TKR[:, 1:].view(num_words, num_tags // 2, 2, num_rows)


def at_last_word(tensor_TKR: Tensor, lengths_R: Tensor) -> Tensor:
    """Each row's values at its last word, (R, K); at word 0 where it has none."""
    rows_R = torch.arange(lengths_R.numel(), device=lengths_R.device)
    return tensor_TKR[(lengths_R - 1).clamp(min=0), :, rows_R]


def forward_sweep(emissions_TKR: Tensor, transitions_KK: Tensor, start_K: Tensor) -> Sweep:
    """Run the forward recursion; overwrites nothing that it was given."""
    weight_KK, peak = move_weights(transitions_KK)
    weight_to_from_KK = weight_KK.t().contiguous()
    num_words, _, num_rows = emissions_TKR.shape
    # The scale of the weights goes in with the emissions: one addition less in the loop.
    scaled_TKR = torch.add(peak * BITS, emissions_TKR, alpha=BITS)
    inside_M21 = (moves_inside(transitions_KK).unsqueeze(2) - peak) * BITS
    score_TKR = torch.empty_like(emissions_TKR)
    weight_TKR = torch.empty_like(emissions_TKR)
    inflow_TKR = torch.empty_like(emissions_TKR)
    shift_TR = emissions_TKR.new_empty(num_words, num_rows)
    chain_M2R = emissions_TKR.new_empty(inside_M21.shape[0], 2, num_rows)
    chain_begin_MR, chain_inside_MR = chain_M2R.unbind(1)

    torch.mul(emissions_TKR[0] + start_K.unsqueeze(1), BITS, out=score_TKR[0])
    _shift(score_TKR[0], shift_TR[0], weight_TKR[0])
    for (
        entity_M2R,
        weight_KR,
        inflow_KR,
        emission_KR,
        score_KR,
        inside_MR,
        shift_R,
        out_KR,
    ) in time_steps(
        entities(score_TKR)[:-1],
        weight_TKR[:-1],
        inflow_TKR[1:],
        scaled_TKR[1:],
        score_TKR[1:],
        score_TKR[1:, 2::2],
        shift_TR[1:],
        weight_TKR[1:],
    ):
        torch.mm(weight_to_from_KK, weight_KR, out=inflow_KR)
        torch.log2(inflow_KR, out=score_KR)
        torch.add(entity_M2R, inside_M21, out=chain_M2R)
        torch.logaddexp2(chain_begin_MR, chain_inside_MR, out=inside_MR)
        score_KR.add_(emission_KR)
        _shift(score_KR, shift_R, out_KR)
    return Sweep(score_TKR, weight_TKR, inflow_TKR, shift_TR)


def _shift(score_KR: Tensor, shift_R: Tensor, weight_KR: Tensor) -> None:
    """Subtract each row's maximum in place; write it and the powers of two."""
    torch.amax(score_KR, 0, out=shift_R)
    score_KR.sub_(shift_R)
    torch.exp2(score_KR, out=weight_KR)


def close_sweep(sweep: Sweep, end_K: Tensor, lengths_R: Tensor) -> tuple[Tensor, Tensor]:
    """Log-partition (R,) in float64 and the posterior of each row's last tag, (R, K).

    Rows without words or without a legal path have a posterior of zero.
    """
    word_T1 = torch.arange(sweep.shift_TR.shape[0], device=lengths_R.device).unsqueeze(1)
    shift_R = torch.where(word_T1 < lengths_R, sweep.shift_TR, 0.0).sum(0, dtype=torch.float64)
    final_RK = at_last_word(sweep.score_TKR, lengths_R) * NATS + end_K
    logz_R = shift_R * NATS + torch.logsumexp(final_RK, dim=1)
    is_dead_R = logz_R < FORBIDDEN / 2
    is_empty_R = lengths_R == 0
    logz_R = logz_R.masked_fill(is_dead_R, -torch.inf).masked_fill(is_empty_R, 0.0)
    unused_R1 = (is_dead_R | is_empty_R).unsqueeze(1)
    return logz_R, torch.softmax(final_RK, dim=1).masked_fill(unused_R1, 0.0)


def backward_sweep(
    sweep: Sweep, transitions_KK: Tensor, final_RK: Tensor, lengths_R: Tensor
) -> tuple[Tensor, Tensor]:
    """Posterior of every tag (T, K, R) and expected number of every move (K, K), weighted by row.

    Walks back from `final_RK`, the weighted posterior at each last word, with the probabilities
    P(tag | next tag) that the sweep has settled: sums of products of probabilities, without
    logarithms. Zero, exactly, at padding and at what is forbidden.
    """
    weight_KK, _ = move_weights(transitions_KK)
    posterior_TKR = torch.zeros_like(sweep.score_TKR)
    rows_R = torch.arange(lengths_R.numel(), device=lengths_R.device)
    posterior_TKR[(lengths_R - 1).clamp(min=0), :, rows_R] = final_RK

    entity_TM2R = entities(sweep.score_TKR[:-1]) * NATS
    entity_TM2R += moves_inside(transitions_KK).unsqueeze(2)
    lead_TMR = entity_TM2R[:, :, 0] - entity_TM2R[:, :, 1]
    origin_TM2R = torch.stack((lead_TMR, -lead_TMR), dim=2).sigmoid_()
    inverse_TKR = sweep.inflow_TKR[1:].reciprocal()
    inverse_TKR[:, 2::2] = 0.0
    share_TKR = torch.empty_like(inverse_TKR)
    back_KR = torch.empty_like(posterior_TKR[0])
    inside_TM1R = posterior_TKR[1:, 2::2].unsqueeze(2)

    for (
        next_KR,
        inside_M1R,
        inverse_KR,
        share_KR,
        weight_KR,
        here_KR,
        entity_M2R,
        origin_M2R,
    ) in time_steps(
        posterior_TKR[1:],
        inside_TM1R,
        inverse_TKR,
        share_TKR,
        sweep.weight_TKR[:-1],
        posterior_TKR[:-1],
        entities(posterior_TKR)[:-1],
        origin_TM2R,
        reverse=True,
    ):
        torch.mul(next_KR, inverse_KR, out=share_KR)
        torch.mm(weight_KK, share_KR, out=back_KR)
        here_KR.addcmul_(back_KR, weight_KR)
        entity_M2R.addcmul_(inside_M1R, origin_M2R)
    counts_KK = weight_KK * _sum_of_products(sweep.weight_TKR[:-1], share_TKR)
    counts_M2 = origin_TM2R.mul_(inside_TM1R).sum((0, 3))
    counts_KK[1::2, 2::2].diagonal().copy_(counts_M2[:, 0])
    counts_KK[2::2, 2::2].diagonal().copy_(counts_M2[:, 1])
    return posterior_TKR, counts_KK


def _sum_of_products(left_TKR: Tensor, right_TKR: Tensor) -> Tensor:
    """Sum over words and rows of left x right, (K, K), in bounded memory for any T."""
    total_KK = left_TKR.new_zeros(left_TKR.shape[1], right_TKR.shape[1])
    for left, right in zip(
        left_TKR.split(_STEPS_AT_ONCE), right_TKR.split(_STEPS_AT_ONCE), strict=True
    ):
        total_KK += torch.bmm(left, right.transpose(1, 2)).sum(0)
    return total_KK
