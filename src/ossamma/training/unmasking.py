"""The sampler of masked diffusion: from hidden pieces to text, the most confident pieces first.

Time runs backwards from where the input stands to 0. At each step the model names every hidden
piece; a piece is drawn for each, and those with the greatest probability stay (Chang et al. 2022,
"MaskGIT"). How many stay hidden follows the schedule of the training.

B rows, T pieces, M hidden pieces of a row, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ossamma.schema.errors import ConfigurationError
from ossamma.training.noise import NoiseSchedule, mask_rate, time_of_rate


@dataclass(frozen=True, kw_only=True, slots=True)
class SamplerSettings:
    """How text is drawn."""

    num_steps: int = 16
    """Most passes through the model; a row with fewer hidden pieces needs fewer."""
    temperature: float = 1.0
    """Divides the logits; 0 takes the most probable piece, whatever the seed."""
    seed: int = 1
    """Decides what is drawn; each row has numbers of its own, whatever stands beside it."""

    def __post_init__(self) -> None:
        if self.num_steps < 1:
            raise ConfigurationError(f"num_steps must be at least 1, got {self.num_steps}")
        if not 0.0 <= self.temperature < math.inf:
            raise ConfigurationError(
                f"temperature must be 0 or more and finite, got {self.temperature}"
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampler:
    """Fills hidden pieces in."""

    settings: SamplerSettings
    """How text is drawn."""
    schedule: NoiseSchedule
    """That of the training: it says which time belongs to a share of hidden pieces."""
    mask_id: int
    """The piece that stands for a hidden one."""
    special_ids: Sequence[int]
    """Pieces that are never drawn, and not counted as text: [MASK], padding, [CLS] and others."""

    @torch.no_grad()
    def fill(self, model: nn.Module, input_ids_BT: Tensor, attention_mask_BT: Tensor) -> Tensor:
        """Return the rows without a hidden piece; all other pieces are as they were.

        The model is used in its eval mode, which is put back. No global random state is touched.

        Args:
            model: an OssammaForMaskedDiffusion.
            input_ids_BT: pieces, the hidden ones as `mask_id`.
            attention_mask_BT: True at real pieces.
        """
        ids_BT = input_ids_BT.clone()
        num_features = len(getattr(model.config, "word_features", ()))
        features_BTF = ids_BT.new_zeros(*ids_BT.shape, num_features)
        generators = [self._generator(row) for row in range(len(ids_BT))]
        hidden_B = self._hidden(ids_BT).sum(1)
        kept = self.plan(hidden_B.tolist())
        was_training = model.training
        model.eval()
        for left_B in kept:
            output = model(
                input_ids=ids_BT,
                attention_mask=attention_mask_BT,
                word_features=features_BTF if num_features else None,
                time=self._time(ids_BT, attention_mask_BT),
            )
            for row, left in enumerate(left_B):
                ids_BT[row] = self._reveal(ids_BT[row], output.logits[row], left, generators[row])
        model.train(was_training)
        return ids_BT

    def plan(self, hidden: Sequence[int]) -> list[list[int]]:
        """Return how many pieces of each row stay hidden after each step; the last leaves none.

        A step reveals at least one piece of every row that has any left.
        """
        num_steps = min(self.settings.num_steps, max(hidden, default=0))
        steps: list[list[int]] = []
        left = list(hidden)
        for step in range(1, num_steps + 1):
            time = torch.tensor(1.0 - step / num_steps, dtype=torch.float64)
            rate = float(mask_rate(time, self.schedule))
            left = [
                max(min(round(number * rate), before - 1), 0)
                for number, before in zip(hidden, left, strict=True)
            ]
            steps.append(left)
        return steps

    def _reveal(
        self, ids_T: Tensor, logits_TV: Tensor, left: int, generator: torch.Generator
    ) -> Tensor:
        """Draw every hidden piece of a row and keep all but the `left` least probable."""
        place_M = torch.nonzero(self._hidden(ids_T)).squeeze(1)
        num_revealed = len(place_M) - left
        if num_revealed <= 0:
            return ids_T
        logits_MV = logits_TV[place_M].double().cpu()
        logits_MV[:, list(self.special_ids)] = -torch.inf
        temperature = self.settings.temperature
        if temperature > 0.0:
            # The greatest of the logits with Gumbel's noise is a draw from their softmax.
            uniform_MV = torch.rand(logits_MV.shape, generator=generator, dtype=torch.float64)
            noise_MV = -torch.log(-torch.log(uniform_MV.clamp_min(1e-300)))
            logits_MV = logits_MV / temperature
            drawn_M = (logits_MV + noise_MV).argmax(1)
        else:
            drawn_M = logits_MV.argmax(1)
        chance_M = logits_MV.log_softmax(1).gather(1, drawn_M.unsqueeze(1)).squeeze(1)
        best = chance_M.argsort(descending=True, stable=True)[:num_revealed]
        filled_T = ids_T.clone()
        filled_T[place_M[best.to(place_M.device)]] = drawn_M[best].to(ids_T.device)
        return filled_T

    def _hidden(self, ids: Tensor) -> Tensor:
        return ids == self.mask_id

    def _time(self, ids_BT: Tensor, attention_mask_BT: Tensor) -> Tensor:
        """Return the time (B,) at which such a share of a text's pieces is hidden."""
        hidden_BT = self._hidden(ids_BT)
        special = torch.tensor(list(self.special_ids), device=ids_BT.device)
        is_text_BT = attention_mask_BT.bool() & (~torch.isin(ids_BT, special) | hidden_BT)
        share_B = hidden_BT.sum(1).double() / is_text_BT.sum(1).clamp_min(1)
        return time_of_rate(share_B, self.schedule).float()

    def _generator(self, row: int) -> torch.Generator:
        return torch.Generator().manual_seed(self.settings.seed * 1_000_003 + row)
