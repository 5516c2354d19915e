"""Max-product recursions of a linear chain under BIO: the best path and the k best.

Dimensions: B rows, T words, K tags, N best paths. Inside a recursion time comes first. Where a row
has more than one best path, any of them may be returned.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ossamma.model.lattice import FORBIDDEN, ChainScores, clean_emissions, lay_out, time_steps

_WORDS_PER_SHIFT = 64


def best_path(emissions_BTK: Tensor, mask_BT: Tensor, scores: ChainScores) -> Tensor:
    """Tags of the best legal path (Viterbi), (B, T) int64, 0 at padding.

    The forward pass keeps the best score into each tag and nothing else: the walk back finds each
    predecessor again with one row of K sums per step, which is cheaper than an arg-max over all
    K x K moves and needs no table of pointers.
    """
    best_TKB = _best_scores(lay_out(emissions_BTK, mask_BT), scores)
    num_words, _, num_rows = best_TKB.shape
    best_TBK = best_TKB.transpose(1, 2).contiguous()
    moves_to_from_KK = scores.transitions_KK.t().contiguous()
    last_B = (mask_BT.sum(1) - 1).clamp(min=0)
    rows_B = torch.arange(num_rows, device=last_B.device)
    final_B = (best_TBK[last_B, rows_B] + scores.end_K).argmax(1)
    tags_TB = final_B.repeat(num_words, 1)
    sources_BK = torch.empty_like(best_TBK[0])
    # Behind its last word a row walks over anything: its true start is put in where it ends.
    ends_at = set(last_B.tolist())
    steps = time_steps(tags_TB[1:], best_TBK[:-1], tags_TB[:-1], reverse=True)
    for word, (next_B, best_BK, tag_B) in zip(reversed(range(num_words - 1)), steps, strict=True):
        torch.index_select(moves_to_from_KK, 0, next_B, out=sources_BK)
        sources_BK.add_(best_BK)
        torch.argmax(sources_BK, 1, out=tag_B)
        if word in ends_at:
            torch.where(last_B == word, final_B, tag_B, out=tag_B)
    return tags_TB.t().masked_fill(~mask_BT, 0)


def _best_scores(emissions_TKB: Tensor, scores: ChainScores) -> Tensor:
    """Score of the best path into each tag of each word, less a constant per word and row."""
    best_TKB = torch.empty_like(emissions_TKB)
    moves_KK1 = scores.transitions_KK.unsqueeze(2)
    arrivals_KKB = best_TKB.new_empty(*moves_KK1.shape[:2], best_TKB.shape[2])
    torch.add(emissions_TKB[0], scores.start_K.unsqueeze(1), out=best_TKB[0])
    steps = time_steps(best_TKB.unsqueeze(2)[:-1], best_TKB[1:], emissions_TKB[1:])
    for word, (source_K1B, target_KB, emission_KB) in enumerate(steps, start=1):
        torch.add(source_K1B, moves_KK1, out=arrivals_KKB)
        torch.amax(arrivals_KKB, 0, out=target_KB)
        target_KB.add_(emission_KB)
        if word % _WORDS_PER_SHIFT == 0:  # keeps float32 precise on a path of any length
            target_KB.sub_(target_KB.amax(0))
    return best_TKB


def best_path_reference(emissions_BTK: Tensor, mask_BT: Tensor, scores: ChainScores) -> Tensor:
    """The slow twin of `best_path`: the textbook's pointers, one row and one word at a time."""
    tags_BT = torch.zeros_like(mask_BT, dtype=torch.long)
    for row, length in enumerate(mask_BT.sum(1).tolist()):
        best_K = scores.start_K
        pointers = []
        for word in range(length):
            if word > 0:
                best_K, pointer_K = (best_K.unsqueeze(1) + scores.transitions_KK).max(0)
                pointers.append(pointer_K)
            best_K = best_K + emissions_BTK[row, word]
        tag = int((best_K + scores.end_K).argmax())
        for word in reversed(range(length)):
            tags_BT[row, word] = tag
            tag = int(pointers[word - 1][tag]) if word > 0 else tag
    return tags_BT


def k_best_paths(
    emissions_BTK: Tensor, mask_BT: Tensor, scores: ChainScores, num_paths: int
) -> tuple[Tensor, Tensor]:
    """The `num_paths` best legal paths of each row, best first, with their scores.

    A state is (rank, tag); the N best paths into a tag come from the N x K best ranks of its
    sources. Runs in float64, for the scores of neighbours may differ little.

    Returns:
        tags (B, N, T) int64, 0 at padding and for a path that does not exist; scores (B, N)
        float64, -inf for a path that does not exist. A row without words has one empty path.
    """
    exact = scores.to(torch.float64)
    emissions_BTK = clean_emissions(emissions_BTK.double(), mask_BT)
    num_rows, num_words, num_tags = emissions_BTK.shape
    moves_KK1 = exact.transitions_KK.t().unsqueeze(1)  # [to, (any rank), from]
    best_BNK = emissions_BTK.new_full((num_rows, num_paths, num_tags), FORBIDDEN)
    best_BNK[:, 0] = emissions_BTK[:, 0] + exact.start_K
    # A padded word hands every state on: its source is itself.
    stay_NK = torch.arange(num_paths * num_tags, device=mask_BT.device).view(num_paths, num_tags)
    sources_TBNK = stay_NK.repeat(num_words, num_rows, 1, 1)
    for word in range(1, num_words):
        arrivals_BKP = (best_BNK.unsqueeze(1) + moves_KK1).flatten(2)
        value_BKN, source_BKN = arrivals_BKP.topk(num_paths, dim=2)
        reached_BNK = value_BKN.transpose(1, 2) + emissions_BTK[:, word].unsqueeze(1)
        is_word_B11 = mask_BT[:, word, None, None]
        best_BNK = torch.where(is_word_B11, reached_BNK, best_BNK)
        sources_TBNK[word] = torch.where(is_word_B11, source_BKN.transpose(1, 2), stay_NK)
    score_BN, state_BN = (best_BNK + exact.end_K).flatten(1).topk(num_paths, dim=1)
    tags_BNT = state_BN.new_empty(num_rows, num_paths, num_words)
    for word in reversed(range(num_words)):
        tags_BNT[:, :, word] = state_BN % num_tags
        state_BN = sources_TBNK[word].flatten(1).gather(1, state_BN)
    is_empty_B = ~mask_BT.any(1)
    empty_N = score_BN.new_full((num_paths,), -torch.inf)
    empty_N[0] = 0.0
    score_BN = score_BN.masked_fill(score_BN < FORBIDDEN / 2, -torch.inf)
    score_BN = torch.where(is_empty_B.unsqueeze(1), empty_N, score_BN)
    exists_BNT = mask_BT.unsqueeze(1) & score_BN.isfinite().unsqueeze(2)
    return tags_BNT.masked_fill(~exists_BNT, 0), score_BN
