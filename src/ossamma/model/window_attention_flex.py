"""Window attention on a GPU: PyTorch's FlexAttention, compiled, over the blocks near the diagonal.

The kernel reads blocks of 128 keys and asks a mask function about the pairs inside them. Which
blocks a query needs follows from length and reach alone and is told directly: the usual way of
finding out evaluates the mask on all T x T pairs of every row.

Letters: B batch, T tokens, H heads, E head width, K blocks of tokens.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.nn.attention.flex_attention import BlockMask, flex_attention

from ossamma.model.installed_triton import TRITON_VERSION
from ossamma.schema.errors import ConfigurationError

MaskFunction: TypeAlias = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
"""Of row, head, query and key numbers: whether the query may see the key."""

_BLOCK_SIZE = 128
_LEAST_HEAD_SIZE = 16
"""Of FlexAttention's kernels."""


def flex_can_run(device_type: str, head_size: int) -> bool:
    """Whether the compiled kernels run here. On a CPU only their unfused form could."""
    return device_type == "cuda" and bool(TRITON_VERSION) and head_size >= _LEAST_HEAD_SIZE


def attend_by_flex(
    q_BTHE: Tensor, k_BTHE: Tensor, v_BTHE: Tensor, mask_BT: Tensor, *, reach: int
) -> Tensor:
    """Attend by FlexAttention: see `Attend` in `ossamma.model.window_attention`."""
    return attend_within_groups(q_BTHE, k_BTHE, v_BTHE, mask_BT.int(), reach=reach)


def attend_within_groups(
    q_BTHE: Tensor, k_BTHE: Tensor, v_BTHE: Tensor, group_BT: Tensor, *, reach: int
) -> Tensor:
    """Attend in the band to the keys of the query's own group; a query always sees itself.

    Raises:
        ConfigurationError: gradients are wanted on a CPU, where FlexAttention has none.
    """
    leaves = (q_BTHE, k_BTHE, v_BTHE)
    if not q_BTHE.is_cuda and torch.is_grad_enabled() and any(x.requires_grad for x in leaves):
        raise ConfigurationError(
            f"attention_mode 'flex' trains on a CUDA device only, got a tensor on "
            f"{q_BTHE.device}; set attention_mode to 'auto'"
        )
    q_BHTE, k_BHTE, v_BHTE = (part.transpose(1, 2) for part in leaves)
    # Inside a model that is compiled as a whole it becomes a part of that.
    is_alone = q_BTHE.is_cuda and not torch.compiler.is_compiling()
    attend: Any = _compiled() if is_alone else flex_attention
    y_BHTE: Tensor = attend(q_BHTE, k_BHTE, v_BHTE, block_mask=window_blocks(group_BT, reach))
    return y_BHTE.transpose(1, 2)


def window_mask(group_BT: Tensor, reach: int) -> MaskFunction:
    """Return whether query and key are near each other and of one group.

    With 1 at real tokens and 0 at padding, real tokens see real ones, and padding, which nobody
    reads, sees padding: no query is left without a key. With a number for each document, nothing
    crosses a border between documents.
    """

    def sees(row: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        del head
        is_near = (query - key).abs() <= reach
        return is_near & (group_BT[row, query] == group_BT[row, key])

    return sees


def window_blocks(group_BT: Tensor, reach: int) -> BlockMask:
    """Return the mask function, and for each block of queries the blocks that the band touches."""
    num_steps = group_BT.shape[1]
    block_K = torch.arange(-(-num_steps // _BLOCK_SIZE), device=group_BT.device)
    last = len(block_K) - 1
    first_K = ((block_K * _BLOCK_SIZE - reach) // _BLOCK_SIZE).clamp(min=0)
    final_K = (((block_K + 1) * _BLOCK_SIZE - 1 + reach) // _BLOCK_SIZE).clamp(max=last)
    index_KK = (first_K[:, None] + block_K).clamp(max=last)
    blocks: BlockMask = BlockMask.from_kv_blocks(
        (final_K - first_K + 1).int()[None, None],
        index_KK.int()[None, None],
        BLOCK_SIZE=_BLOCK_SIZE,
        mask_mod=window_mask(group_BT, reach),
        seq_lengths=(num_steps, num_steps),
    )
    return blocks


@cache
def _compiled() -> Callable[..., Any]:
    """Return the fused kernel; it is compiled anew for few shapes, then for shapes in general."""
    return torch.compile(flex_attention)
