"""How well an encoder knows held-out text: the likelihood bound, and accuracy at 15 % masked.

B rows, T pieces, M masked pieces.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import torch
from torch import Tensor, nn

from ossamma.tokenization.alignment import IGNORED_LABEL
from ossamma.tokenization.batches import group_by_length
from ossamma.tokenization.token_store import TextRow
from ossamma.training.masking import MaskedBatch, Masking
from ossamma.training.noise import NoiseSettings

ACCURACY_RATE: Final = 0.15
_SEED: Final = 15


@dataclass(frozen=True, slots=True)
class HeldOutScores:
    """Figures of one evaluation."""

    bound: float
    """Estimate of the bound on the negative log-likelihood, in nats per piece."""
    accuracy: float
    """Share of the pieces named rightly where 15 % are masked."""

    @property
    def perplexity(self) -> float:
        """The exponential of the bound, at most 1e6: an untrained model's could not be drawn."""
        return min(math.exp(min(self.bound, 50.0)), 1e6)

    def to_json(self) -> dict[str, float]:
        """Return the figures by name."""
        return {"bound": self.bound, "perplexity": self.perplexity, "accuracy": self.accuracy}


class HeldOut:
    """Fixed rows under fixed noise, so that figures of different steps can be compared.

    The bound is that of the noise's schedule with uniform times over the whole range, whatever was
    trained with: it depends on neither the training's clipping nor its time sampling.
    """

    def __init__(
        self, rows: Sequence[TextRow], masking: Masking, *, batch_pieces: int, repeats: int = 1
    ) -> None:
        """Mask the rows `repeats` times, each time anew."""
        noise = NoiseSettings(
            schedule=masking.settings.schedule, num_timesteps=masking.settings.num_timesteps
        )
        fixed = replace(masking, settings=noise, num_pieces=0)
        groups = group_by_length([len(row.input_ids) for row in rows], max_pieces=batch_pieces)
        chosen = [[rows[index] for index in group] for group in groups]
        self._bound = [
            (_num_pieces(part), fixed.mask(part, _SEED + repeat))
            for repeat in range(repeats)
            for part in chosen
        ]
        self._accuracy = [fixed.mask_at(part, ACCURACY_RATE, _SEED) for part in chosen]

    def scores(self, model: nn.Module, device: torch.device) -> HeldOutScores:
        """Evaluate a model, in its eval mode; its mode is put back."""
        was_training = model.training
        model.eval()
        with torch.inference_mode():
            nats = pieces = 0.0
            for number, batch in self._bound:
                loss = model(**_to(batch, device)).loss
                nats += float(loss) * number
                pieces += number
            right = asked = 0
            for batch in self._accuracy:
                output = model(**_to(batch, device))
                labels_M = batch["labels"][batch["labels"] != IGNORED_LABEL].to(device)
                right += int((output.logits.argmax(-1) == labels_M).sum())
                asked += len(labels_M)
        model.train(was_training)
        return HeldOutScores(bound=nats / pieces, accuracy=right / max(asked, 1))


def _num_pieces(rows: Sequence[TextRow]) -> int:
    return sum(int((row.words >= 0).sum()) for row in rows)


def _to(batch: MaskedBatch, device: torch.device) -> dict[str, Tensor]:
    return {name: tensor.to(device) for name, tensor in batch.items()}  # type: ignore[attr-defined]
