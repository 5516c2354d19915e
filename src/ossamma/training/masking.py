"""Rows of text with some pieces masked: what masked-diffusion pre-training shows the model.

B rows, T pieces, F word features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TypedDict

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from ossamma.tokenization.alignment import IGNORED_LABEL
from ossamma.tokenization.token_store import NOT_IN_A_WORD, TextRow
from ossamma.training.noise import Noise, NoiseSettings, draw_noise, noise_at, stratified

IntArray = npt.NDArray[np.int64]


class MaskedBatch(TypedDict):
    """What `OssammaForMaskedDiffusion` reads; the keys are the arguments of its forward."""

    input_ids: Tensor
    """(B, T) pieces, some masked, padded at the end."""
    attention_mask: Tensor
    """(B, T) bool, True at real pieces."""
    word_features: Tensor
    """(B, T, F) feature rows; 0 outside words, and at words of which a piece is masked."""
    time: Tensor
    """(B,) diffusion time."""
    labels: Tensor
    """(B, T) the pieces behind the masks, -100 elsewhere."""
    weights: Tensor
    """(B,) weight of each row's cross-entropies: their sum estimates the bound, in nats a piece."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Masking:
    """How batches are masked. Two calls with the same rows and seed give the same batch."""

    settings: NoiseSettings
    """The distribution of mask rates."""
    mask_id: int
    """The piece that stands for a hidden one."""
    pad_id: int
    """The piece that fills rows up."""
    num_pieces: int = 0
    """What the loss is divided by; 0: the maskable pieces of the batch itself.

    With a fixed number the losses of parts of a batch add up to the loss of the whole, on any
    number of processes.
    """

    def mask(self, rows: Sequence[TextRow], seed: int) -> MaskedBatch:
        """Mask a batch; the noise depends on the seed and the rows' numbers alone."""
        generator = torch.Generator().manual_seed(_seed_of(rows, seed))
        noise = draw_noise(stratified(len(rows), generator), self.settings)
        longest = max(len(row.input_ids) for row in rows)
        chance_BT = torch.rand(len(rows), longest, generator=generator, dtype=torch.float64)
        return self._hide(rows, chance_BT < noise.rate_B.unsqueeze(1), noise)

    def mask_at(self, rows: Sequence[TextRow], rate: float, seed: int) -> MaskedBatch:
        """Mask every row at (nearly) one rate: that of the nearest time of the schedule above it.

        All rows weigh 1 / pieces.
        """
        noise = noise_at(rate, len(rows), self.settings)
        generator = torch.Generator().manual_seed(_seed_of(rows, seed))
        longest = max(len(row.input_ids) for row in rows)
        chance_BT = torch.rand(len(rows), longest, generator=generator, dtype=torch.float64)
        return self._hide(rows, chance_BT < noise.rate_B.unsqueeze(1), noise)

    def _hide(self, rows: Sequence[TextRow], chosen_BT: Tensor, noise: Noise) -> MaskedBatch:
        """Mask the chosen pieces where they belong to a word."""
        input_ids_BT = _stack([row.input_ids for row in rows], self.pad_id)
        words_BT = _stack([row.words for row in rows], NOT_IN_A_WORD)
        features_BTF = _stack([row.features for row in rows], 0)
        lengths_B = torch.tensor([len(row.input_ids) for row in rows])
        maskable_BT = words_BT != NOT_IN_A_WORD
        hidden_BT = chosen_BT & maskable_BT
        num_pieces = self.num_pieces or max(int(maskable_BT.sum()), 1)
        return MaskedBatch(
            input_ids=input_ids_BT.masked_fill(hidden_BT, self.mask_id),
            attention_mask=torch.arange(input_ids_BT.shape[1]) < lengths_B.unsqueeze(1),
            word_features=features_BTF * _unspoilt(hidden_BT, words_BT).unsqueeze(2),
            time=noise.time_B.float(),
            labels=input_ids_BT.masked_fill(~hidden_BT, IGNORED_LABEL),
            weights=(noise.weight_B / num_pieces).float(),
        )


def _unspoilt(hidden_BT: Tensor, words_BT: Tensor) -> Tensor:
    """Where the word features may be seen: at words that hide nothing.

    Features such as the suffix are made from the whole word. Beside a masked piece they would give
    it away.
    """
    num_rows, num_pieces = hidden_BT.shape
    # Words are ascending, so that a row's own numbers lie in [lowest, lowest + pieces).
    lowest_B1 = words_BT.masked_fill(words_BT == NOT_IN_A_WORD, torch.iinfo(torch.int64).max)
    place_BT = (words_BT - lowest_B1.amin(1, keepdim=True)).clamp(0, num_pieces - 1)
    spoilt_BW = torch.zeros(num_rows, num_pieces, dtype=torch.long)
    spoilt_BW.scatter_add_(1, place_BT, hidden_BT.long())
    return (spoilt_BW.gather(1, place_BT) == 0).long()


def _stack(arrays: Sequence[IntArray], value: int) -> Tensor:
    return pad_sequence(
        [torch.from_numpy(array) for array in arrays], batch_first=True, padding_value=value
    )


def _seed_of(rows: Sequence[TextRow], seed: int) -> int:
    """A seed for each batch that does not depend on who makes it, or what was made before."""
    numbers = np.array([seed, *(row.number for row in rows)], dtype="<i8")
    return int.from_bytes(blake2b(numbers.tobytes(), digest_size=7).digest(), "little")
