"""A linear-chain CRF over BIO tags: exact likelihood, decoding, posteriors, partial supervision.

Dimensions: B rows, T words, K tags (O, B-X, I-X, B-Y, I-Y, ...), S spans, N best paths.

Every query takes emissions (B, T, K) of any float type and a mask (B, T), True at real words, which
stand before the padding. Rows may be ragged or empty; what padding contains, NaN included, changes
nothing. All is computed in float32, or in float64 for float64 emissions, in log space, with a loop
over words and none over rows. Time and memory are linear in T: one row of 200,000 words and 19 tags
takes seconds and a few hundred MB.

Lafferty, McCallum, Pereira 2001, "Conditional Random Fields"; partial supervision as in Tsuboi et
al. 2008, "Training Conditional Random Fields Using Incomplete Annotations", equation 3.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ossamma.model import best_path, lattice, posterior
from ossamma.model.lattice import ChainScores
from ossamma.schema.errors import DataError
from ossamma.schema.labels import LabelSet


class LinearChainCRF(nn.Module):
    """Scores of tag sequences: emissions, plus learned start, transition and end scores.

    Moves that BIO forbids (O -> I-X, B-X or I-X -> I-Y, I-X at the start) are a fixed mask: they
    have no probability, their entries in the parameters mean nothing and get no gradient.

    Attributes:
        transitions: (K, K), [from, to], in nats.
        start: (K,).
        end: (K,).
    """

    legal_moves: Tensor
    legal_start: Tensor

    def __init__(self, labels: LabelSet) -> None:
        super().__init__()
        self.labels = labels
        fresh = self.fresh_state()
        self.transitions = nn.Parameter(fresh["transitions"])
        self.start = nn.Parameter(fresh["start"])
        self.end = nn.Parameter(fresh["end"])
        self.register_buffer("legal_moves", fresh["legal_moves"], persistent=False)
        self.register_buffer("legal_start", fresh["legal_start"], persistent=False)

    def fresh_state(self) -> dict[str, Tensor]:
        """Every parameter and buffer by name, as at birth: all scores zero.

        For loaders that build a module without data and fill in what no checkpoint holds.
        """
        num_tags = self.labels.num_tags
        legal_moves = lattice.legal_moves(num_tags)
        return {
            "transitions": torch.zeros(num_tags, num_tags),
            "start": torch.zeros(num_tags),
            "end": torch.zeros(num_tags),
            "legal_moves": legal_moves,
            "legal_start": legal_moves[0].clone(),  # the start is followed by what O is
        }

    def extra_repr(self) -> str:
        """Show the label set."""
        return f"types={self.labels.types}"

    def log_partition(
        self, emissions_BTK: Tensor, mask_BT: Tensor, allowed_BTK: Tensor | None = None
    ) -> Tensor:
        """Log-sum over the legal paths that stay inside the allowed sets, (B,).

        Args:
            emissions_BTK: Scores in nats.
            mask_BT: True at real words.
            allowed_BTK: Which tags each word may have; None allows all.

        Returns:
            Log-partition of each row: 0 without words, -inf where no path is left.
        """
        emissions_BTK, mask_BT, scores = self._prepare(emissions_BTK, mask_BT)
        blocks: lattice.Blocks = (None,)
        if allowed_BTK is not None:
            wide_BTK = _as_wide(allowed_BTK, mask_BT)
            blocks = (lattice.log_weights(wide_BTK, 1.0, emissions_BTK.dtype),)
        logz_B = lattice.log_partition(emissions_BTK, mask_BT, scores, blocks)
        return logz_B.to(emissions_BTK.dtype)

    def path_score(self, emissions_BTK: Tensor, tags_BT: Tensor, mask_BT: Tensor) -> Tensor:
        """Score of one path per row, (B,): -inf if BIO forbids it, 0 without words.

        Tags at padding may be anything.
        """
        emissions_BTK, mask_BT, scores = self._prepare(emissions_BTK, mask_BT)
        tags_BT = _as_wide(tags_BT, mask_BT)
        return _path_score(emissions_BTK, tags_BT, mask_BT, scores).to(emissions_BTK.dtype)

    def negative_log_likelihood(
        self,
        emissions_BTK: Tensor,
        allowed_BTK: Tensor,
        mask_BT: Tensor,
        *,
        omission_rate: float = 1.0,
    ) -> Tensor:
        """-log P(the annotation), (B,), >= 0, in nats per row.

        log Z - log Z(allowed), both from one pass over 2B rows. With one allowed tag at every word
        it is the ordinary CRF loss. What `allowed_BTK` says at padding is ignored.

        Args:
            emissions_BTK: Scores in nats.
            allowed_BTK: Which tags each word may have.
            mask_BT: True at real words.
            omission_rate: Probability, above 0, that an entity is left unmarked where O is allowed
                beside its type. With 1 the loss is -log P(the path stays inside the allowed sets),
                and silence says nothing; near 0 silence says that nothing is there.

        Raises:
            DataError: if the allowed sets of a row admit no legal path.
        """
        emissions_BTK, mask_BT, scores = self._prepare(emissions_BTK, mask_BT)
        allowed_BTK = _as_wide(allowed_BTK, mask_BT)
        weight_BTK = lattice.log_weights(allowed_BTK, omission_rate, emissions_BTK.dtype)
        logz_R = lattice.log_partition(emissions_BTK, mask_BT, scores, (None, weight_BTK))
        free_B, held_B = logz_R.chunk(2)
        is_dead_B = held_B.isneginf()
        if bool(is_dead_B.any()):
            raise DataError(self._complain(is_dead_B, allowed_BTK))
        # The difference is taken in float64: the two are large, and often nearly equal.
        return (free_B - held_B).clamp(min=0.0).to(emissions_BTK.dtype)

    @torch.no_grad()
    def viterbi(self, emissions_BTK: Tensor, mask_BT: Tensor) -> tuple[Tensor, Tensor]:
        """The best legal path of each row.

        Returns:
            tags (B, T) int64, 0 at padding, and their scores (B,).
        """
        num_words = mask_BT.shape[1]
        emissions_BTK, mask_BT, scores = self._prepare(emissions_BTK, mask_BT)
        tags_BT = best_path.best_path(emissions_BTK, mask_BT, scores)
        score_B = _path_score(emissions_BTK, tags_BT, mask_BT, scores)
        return tags_BT[:, :num_words], score_B.to(emissions_BTK.dtype)

    @torch.no_grad()
    def viterbi_k_best(
        self, emissions_BTK: Tensor, mask_BT: Tensor, k: int
    ) -> tuple[Tensor, Tensor]:
        """The k best legal paths of each row, best first.

        Returns:
            tags (B, k, T) int64, 0 at padding, and scores (B, k), -inf (with tags 0) where a row
            has fewer than k paths.
        """
        assert k >= 1, f"k must be at least 1, got {k}"
        num_words = mask_BT.shape[1]
        emissions_BTK, mask_BT, scores = self._prepare(emissions_BTK, mask_BT)
        tags_BNT, score_BN = best_path.k_best_paths(emissions_BTK, mask_BT, scores, k)
        return tags_BNT[:, :, :num_words], score_BN.to(emissions_BTK.dtype)

    @torch.no_grad()
    def marginals(self, emissions_BTK: Tensor, mask_BT: Tensor) -> Tensor:
        """Posterior probability of each tag at each word, (B, T, K), 0 at padding."""
        num_words = mask_BT.shape[1]
        emissions_BTK, mask_BT, scores = self._prepare(emissions_BTK, mask_BT)
        return posterior.tag_posteriors(emissions_BTK, mask_BT, scores)[:, :num_words]

    @torch.no_grad()
    def span_log_probabilities(
        self, emissions_BTK: Tensor, mask_BT: Tensor, spans_S4: Tensor
    ) -> Tensor:
        """Exact log posterior that a whole span is one entity of a type, (S,).

        The probability of B-X at the first word, I-X after it, and no I-X at the word behind the
        span (or the end). Computed in float64 throughout, so that small ones are right too.

        Args:
            emissions_BTK: Scores in nats.
            mask_BT: True at real words.
            spans_S4: int64 rows (batch index, first word, last word inclusive, type index).
        """
        emissions_BTK, mask_BT, scores = self._prepare(emissions_BTK, mask_BT)
        log_S = posterior.span_log_posteriors(emissions_BTK, mask_BT, scores, spans_S4)
        return log_S.to(emissions_BTK.dtype)

    @torch.no_grad()
    def outside_log_probabilities(
        self, emissions_BTK: Tensor, mask_BT: Tensor, runs_S3: Tensor
    ) -> Tensor:
        """Exact log posterior that no word of a run is part of any entity, (S,).

        Args:
            emissions_BTK: Scores in nats.
            mask_BT: True at real words.
            runs_S3: int64 rows (batch index, first word, last word inclusive).
        """
        emissions_BTK, mask_BT, scores = self._prepare(emissions_BTK, mask_BT)
        log_S = posterior.outside_log_posteriors(emissions_BTK, mask_BT, scores, runs_S3)
        return log_S.to(emissions_BTK.dtype)

    def _prepare(
        self, emissions_BTK: Tensor, mask_BT: Tensor
    ) -> tuple[Tensor, Tensor, ChainScores]:
        """Check shapes, choose the precision, mask the parameters, and have at least one word."""
        assert emissions_BTK.shape == (*mask_BT.shape, self.labels.num_tags), (
            f"expected emissions (B, T, {self.labels.num_tags}) and mask (B, T), "
            f"got {tuple(emissions_BTK.shape)} and {tuple(mask_BT.shape)}"
        )
        assert mask_BT.dtype == torch.bool, f"the mask must be bool, got {mask_BT.dtype}"
        assert bool((mask_BT[:, 1:] <= mask_BT[:, :-1]).all()), "padding must follow the words"
        dtype = torch.float64 if emissions_BTK.dtype == torch.float64 else torch.float32
        if mask_BT.shape[1] == 0:
            emissions_BTK = nn.functional.pad(emissions_BTK, (0, 0, 0, 1))
            mask_BT = nn.functional.pad(mask_BT, (0, 1))
        scores = ChainScores(
            torch.where(self.legal_moves, self.transitions.to(dtype), lattice.FORBIDDEN),
            torch.where(self.legal_start, self.start.to(dtype), lattice.FORBIDDEN),
            self.end.to(dtype),
        )
        return emissions_BTK.to(dtype), mask_BT, scores

    def _complain(self, is_dead_B: Tensor, allowed_BTK: Tensor) -> str:
        """Say which rows have no legal path, and where the first of them runs dry."""
        rows = is_dead_B.nonzero().flatten().tolist()
        allowed_TK = allowed_BTK[rows[0]]
        alive_K = allowed_TK[0] & self.legal_start
        word = 0
        while bool(alive_K.any()) and word + 1 < len(allowed_TK):
            word += 1
            alive_K = allowed_TK[word] & self.legal_moves[alive_K].any(0)
        names = [self.labels.tags[tag] for tag in allowed_TK[word].nonzero().flatten().tolist()]
        return (
            f"rows {rows} of the batch: expected allowed tags that admit at least one legal BIO "
            f"path; in row {rows[0]} none is left at word {word}, which allows only {names}. "
            f"Allow O or B- there, or the entity's B- before its I-"
        )


def _as_wide(tensor: Tensor, mask_BT: Tensor) -> Tensor:
    """The tensor itself, or one padded word of zeros if the batch had no words at all."""
    if tensor.shape[:2] == (mask_BT.shape[0], 0) and not bool(mask_BT.any()):
        return tensor.new_zeros((*mask_BT.shape, *tensor.shape[2:]))
    assert tensor.shape[:2] == mask_BT.shape, (
        f"expected (B, T) = {tuple(mask_BT.shape)}, got {tuple(tensor.shape)}"
    )
    return tensor


def _path_score(
    emissions_BTK: Tensor, tags_BT: Tensor, mask_BT: Tensor, scores: ChainScores
) -> Tensor:
    """Score of one path per row, (B,) float64."""
    tags_BT = tags_BT.masked_fill(~mask_BT, 0)
    known_BTK = lattice.clean_emissions(emissions_BTK, mask_BT)
    emission_BT = known_BTK.gather(2, tags_BT.unsqueeze(2)).squeeze(2)
    move_BT = scores.transitions_KK[tags_BT[:, :-1], tags_BT[:, 1:]]
    move_BT = torch.where(mask_BT[:, 1:], move_BT, 0.0)
    last_B1 = (mask_BT.sum(1, keepdim=True) - 1).clamp(min=0)
    ends_B = scores.start_K[tags_BT[:, 0]] + scores.end_K[tags_BT.gather(1, last_B1).squeeze(1)]
    total_B = emission_BT.sum(1, dtype=torch.float64) + move_BT.sum(1, dtype=torch.float64)
    total_B = torch.where(mask_BT[:, 0], total_B + ends_B, 0.0)
    return total_B.masked_fill(total_B < lattice.FORBIDDEN / 2, -torch.inf)
