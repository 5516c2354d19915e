"""Samples of a masked-diffusion model, to be looked at: free text, and held-out text completed.

B rows, T pieces.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from ossamma.tokenization.token_store import NOT_IN_A_WORD, TextRow
from ossamma.tokenization.tokenizer import PieceTokenizer
from ossamma.training.noise import NoiseSchedule
from ossamma.training.unmasking import Sampler, SamplerSettings

_NUM_FREE: Final = 4
_NUM_COMPLETED: Final = 4
_FREE_PIECES: Final = 32
_MOST_PIECES: Final = 64
_SEED: Final = 1
_SPECIAL: Final = ("pad", "unk", "cls", "sep", "mask")


def draw_samples(
    model: nn.Module,
    tokenizer: PieceTokenizer,
    held_out: Sequence[TextRow],
    schedule: NoiseSchedule,
) -> dict[str, Any]:
    """Return samples as plain JSON; the same rows and pieces are hidden whatever the model.

    Returns:
        `settings` of the sampler; `free`: texts from nothing; `completed`: held-out `text`, what of
        it was `shown` (every second word), and its `completion`.
    """
    sampler = Sampler(
        settings=SamplerSettings(seed=_SEED),
        schedule=schedule,
        mask_id=tokenizer.mask_id,
        special_ids=[getattr(tokenizer, f"{name}_id") for name in _SPECIAL],
    )
    device = next(model.parameters()).device
    rows = list(held_out)[:_NUM_COMPLETED]
    shown = [_hide(row, tokenizer.mask_id) for row in rows]
    frame = [tokenizer.cls_id, *[tokenizer.mask_id] * _FREE_PIECES, tokenizer.sep_id]
    free = [torch.tensor(frame)] * _NUM_FREE
    ids_BT = pad_sequence([*free, *shown], batch_first=True, padding_value=tokenizer.pad_id)
    mask_BT = ids_BT != tokenizer.pad_id
    filled_BT = sampler.fill(model, ids_BT.to(device), mask_BT.to(device)).cpu()
    texts = [_text(row, tokenizer) for row in filled_BT]
    return {
        "settings": asdict(sampler.settings),
        "free": texts[:_NUM_FREE],
        "completed": [
            {
                "text": _text(torch.from_numpy(row.input_ids[:_MOST_PIECES]), tokenizer),
                "shown": _text(hidden, tokenizer),
                "completion": text,
            }
            for row, hidden, text in zip(rows, shown, texts[_NUM_FREE:], strict=True)
        ],
    }


def _hide(row: TextRow, mask_id: int) -> Tensor:
    """Hide every second word of a row."""
    ids_T = torch.from_numpy(row.input_ids[:_MOST_PIECES]).clone()
    words_T = torch.from_numpy(row.words[:_MOST_PIECES])
    return ids_T.masked_fill((words_T != NOT_IN_A_WORD) & (words_T % 2 == 1), mask_id)


def _text(ids_T: Tensor, tokenizer: PieceTokenizer) -> str:
    """Return readable text: without the frame and the padding, with the masks."""
    unread = {tokenizer.cls_id, tokenizer.sep_id, tokenizer.pad_id}
    return tokenizer.decode([piece for piece in ids_T.tolist() if piece not in unread]).strip()
