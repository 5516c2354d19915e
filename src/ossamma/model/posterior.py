"""Exact posteriors of a linear chain under BIO: of a word's tag, a whole span, a run of O.

Dimensions: B rows, T words, K tags, M types, S spans; inside a recursion (T, K, B).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ossamma.model.lattice import (
    BITS,
    FORBIDDEN,
    NATS,
    ChainScores,
    at_last_word,
    backward_sweep,
    clean_emissions,
    close_sweep,
    entities,
    forward_sweep,
    is_narrow,
    lay_out,
    move_weights,
    moves_inside,
    path_sums_reference,
    time_steps,
)


@dataclass(frozen=True, slots=True, eq=False)
class Messages:
    """Log-sums of paths in float64, in the order of time; values at padding mean nothing.

    `forward_TKB` sums over paths from the first word into a tag, `backward_TKB` over paths from a
    tag to the last word; both count the tag's own emission. `logz_B` is the log-partition.
    """

    forward_TKB: Tensor
    backward_TKB: Tensor
    logz_B: Tensor


def messages(emissions_BTK: Tensor, mask_BT: Tensor, scores: ChainScores) -> Messages:
    """Both directions in float64, by the fast step of `lattice` and its mirror image."""
    exact = scores.to(torch.float64)
    if not is_narrow(exact.transitions_KK):
        return messages_reference(emissions_BTK, mask_BT, scores)
    lengths_B = mask_BT.sum(1)
    emissions_TKB = lay_out(emissions_BTK.double(), mask_BT)
    mirror_TKB = _mirror(emissions_TKB, lengths_B)
    sweep = forward_sweep(emissions_TKB, exact.transitions_KK, exact.start_K)
    logz_B, _ = close_sweep(sweep, exact.end_K, lengths_B)
    forward_TKB = (sweep.score_TKR + sweep.shift_TR.cumsum(0).unsqueeze(1)) * NATS
    reversed_TKB = _reverse_sweep(emissions_TKB.gather(0, mirror_TKB), exact)
    return Messages(forward_TKB, reversed_TKB.gather(0, mirror_TKB), logz_B)


def _reverse_sweep(emissions_TKB: Tensor, scores: ChainScores) -> Tensor:
    """`Messages.backward_TKB` over rows that begin with their last word.

    Walking back, any tag is reached from O and every B- (a matrix product, shifted by the largest
    of those), and B-X and I-X from I-X besides.
    """
    weight_KK, peak = move_weights(scores.transitions_KK)
    scaled_TKB = torch.add(peak * BITS, emissions_TKB, alpha=BITS)
    inside_M21 = (moves_inside(scores.transitions_KK).unsqueeze(2) - peak) * BITS
    score_TKB = torch.empty_like(emissions_TKB)
    shift_TB = torch.zeros_like(emissions_TKB[:, 0])
    open_KB = torch.empty_like(emissions_TKB[0])
    chain_M2B = torch.empty_like(entities(score_TKB)[0])
    closed_K1 = scores.end_K.new_zeros(scores.end_K.numel(), 1)
    closed_K1[2::2] = FORBIDDEN

    torch.mul(emissions_TKB[0] + scores.end_K.unsqueeze(1), BITS, out=score_TKB[0])
    for last_KB, inside_M1B, shift_B, score_KB, entity_M2B, emission_KB in time_steps(
        score_TKB[:-1],
        score_TKB[:-1, 2::2].unsqueeze(2),
        shift_TB[:-1],
        score_TKB[1:],
        entities(score_TKB)[1:],
        scaled_TKB[1:],
    ):
        torch.add(last_KB, closed_K1, out=open_KB)
        torch.amax(open_KB, 0, out=shift_B)
        last_KB.sub_(shift_B)
        torch.exp2(open_KB.sub_(shift_B), out=open_KB)
        torch.mm(weight_KK, open_KB, out=score_KB)
        score_KB.log2_()
        torch.add(inside_M1B, inside_M21, out=chain_M2B)
        torch.logaddexp2(entity_M2B, chain_M2B, out=entity_M2B)
        score_KB.add_(emission_KB)
    return (score_TKB + shift_TB.cumsum(0).unsqueeze(1)) * NATS


def _mirror(tensor_TKB: Tensor, lengths_B: Tensor) -> Tensor:
    """Indices that reverse the words of each row and leave its padding; their own inverse."""
    word_T1 = torch.arange(tensor_TKB.shape[0], device=lengths_B.device).unsqueeze(1)
    mirror_TB = torch.where(word_T1 < lengths_B, lengths_B - 1 - word_T1, word_T1)
    return mirror_TB.unsqueeze(1).expand_as(tensor_TKB)


def messages_reference(emissions_BTK: Tensor, mask_BT: Tensor, scores: ChainScores) -> Messages:
    """The slow twin of `messages`: plain log-sum-exp both ways. Takes any scores."""
    exact = scores.to(torch.float64)
    lengths_B = mask_BT.sum(1)
    emissions_TKB = lay_out(emissions_BTK.double(), mask_BT)
    mirror_TKB = _mirror(emissions_TKB, lengths_B)
    moves_KK1 = exact.transitions_KK.unsqueeze(2)
    start_K1, end_K1 = exact.start_K.unsqueeze(1), exact.end_K.unsqueeze(1)
    forward_TKB = path_sums_reference(emissions_TKB, moves_KK1, start_K1)
    reversed_TKB = path_sums_reference(
        emissions_TKB.gather(0, mirror_TKB), moves_KK1.transpose(0, 1), end_K1
    )
    logz_B = torch.logsumexp(at_last_word(forward_TKB, lengths_B) + exact.end_K, dim=1)
    return Messages(forward_TKB, reversed_TKB.gather(0, mirror_TKB), logz_B)


def tag_posteriors(emissions_BTK: Tensor, mask_BT: Tensor, scores: ChainScores) -> Tensor:
    """Posterior probability of each tag at each word, (B, T, K), 0 at padding."""
    if not is_narrow(scores.transitions_KK):
        return tag_posteriors_reference(emissions_BTK, mask_BT, scores)
    sweep = forward_sweep(lay_out(emissions_BTK, mask_BT), scores.transitions_KK, scores.start_K)
    lengths_B = mask_BT.sum(1)
    _, final_BK = close_sweep(sweep, scores.end_K, lengths_B)
    posterior_TKB, _ = backward_sweep(sweep, scores.transitions_KK, final_BK, lengths_B)
    posterior_BTK = posterior_TKB.permute(2, 0, 1)
    # Takes away the rounding that 10^5 steps of products add up to.
    total_BT1 = posterior_BTK.sum(2, keepdim=True)
    return torch.where(mask_BT.unsqueeze(2), posterior_BTK / total_BT1, 0.0)


def tag_posteriors_reference(emissions_BTK: Tensor, mask_BT: Tensor, scores: ChainScores) -> Tensor:
    """The slow twin of `tag_posteriors`: paths in x paths out / all paths. Takes any scores."""
    both = messages_reference(emissions_BTK, mask_BT, scores)
    own_TKB = lay_out(emissions_BTK.double(), mask_BT)
    log_TKB = both.forward_TKB + both.backward_TKB - own_TKB - both.logz_B
    posterior_BTK = log_TKB.exp().permute(2, 0, 1).to(emissions_BTK.dtype)
    return torch.where(mask_BT.unsqueeze(2), posterior_BTK, 0.0)


def span_log_posteriors(
    emissions_BTK: Tensor, mask_BT: Tensor, scores: ChainScores, spans_S4: Tensor
) -> Tensor:
    """Log posterior that exactly this span is one entity of this type, (S,) float64.

    `spans_S4` rows are (row, first word, last word inclusive, type). Sums the paths that are
    B-X at the first word, I-X up to the last, and not I-X at the word after:
    forward(first, B-X) + the moves and emissions inside + the log-sum over what may follow - log Z.
    """
    exact = scores.to(torch.float64)
    both = messages(emissions_BTK, mask_BT, scores)
    row_S, first_S, last_S, type_S = spans_S4.unbind(1)
    lengths_B = mask_BT.sum(1)
    assert bool(((first_S >= 0) & (first_S <= last_S) & (last_S < lengths_B[row_S])).all()), (
        "a span must lie within the words of its row"
    )
    begin_S, inside_S = 2 * type_S + 1, 2 * type_S + 2
    is_single_S = first_S == last_S

    stay_K = exact.transitions_KK.diagonal()
    emissions_BTK = clean_emissions(emissions_BTK.double(), mask_BT)
    walked_BTM = (emissions_BTK + stay_K)[:, :, 2::2].cumsum(1)
    entry_S = exact.transitions_KK[begin_S, inside_S] - stay_K[inside_S]
    walk_S = walked_BTM[row_S, last_S, type_S] - walked_BTM[row_S, first_S, type_S] + entry_S

    tag_S = torch.where(is_single_S, begin_S, inside_S)
    follows_S = (last_S + 1).clamp(max=mask_BT.shape[1] - 1)
    onward_SK = exact.transitions_KK[tag_S] + both.backward_TKB[follows_S, :, row_S]
    # Continuing with I-X would make it a longer entity.
    onward_SK = onward_SK.scatter(1, inside_S.unsqueeze(1), FORBIDDEN)
    is_at_end_S = last_S + 1 == lengths_B[row_S]
    exit_S = torch.where(is_at_end_S, exact.end_K[tag_S], torch.logsumexp(onward_SK, dim=1))

    entered_S = both.forward_TKB[first_S, begin_S, row_S]
    log_S = entered_S + torch.where(is_single_S, 0.0, walk_S) + exit_S - both.logz_B[row_S]
    return log_S.clamp(max=0.0)


def outside_log_posteriors(
    emissions_BTK: Tensor, mask_BT: Tensor, scores: ChainScores, runs_S3: Tensor
) -> Tensor:
    """Log posterior that no word of a run is part of any entity, (S,) float64.

    `runs_S3` rows are (row, first word, last word inclusive). Sums the paths that are O at every
    word of the run: forward(first, O) + the moves and emissions inside + backward(last, O) - log Z.
    """
    exact = scores.to(torch.float64)
    both = messages(emissions_BTK, mask_BT, scores)
    row_S, first_S, last_S = runs_S3.unbind(1)
    assert bool(((first_S >= 0) & (first_S <= last_S) & (last_S < mask_BT.sum(1)[row_S])).all()), (
        "a run must lie within the words of its row"
    )
    outside_BT = clean_emissions(emissions_BTK.double(), mask_BT)[:, :, 0]
    walked_BT = (outside_BT + exact.transitions_KK[0, 0]).cumsum(1)
    walk_S = walked_BT[row_S, last_S] - walked_BT[row_S, first_S]
    # Both messages count the emission of the last word.
    onward_S = both.backward_TKB[last_S, 0, row_S] - outside_BT[row_S, last_S]
    log_S = both.forward_TKB[first_S, 0, row_S] + walk_S + onward_S - both.logz_B[row_S]
    return log_S.clamp(max=0.0)
