"""Sliding-window attention: every token reads its neighbours, at a cost linear in the length.

Letters: B batch, T tokens, D hidden size, H heads, E = D / H head width, C chunks of all rows
together, M queries of a chunk, S = M + 2 x reach keys that they may see.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, Protocol, TypeAlias, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from ossamma.model.window_attention_flex import attend_by_flex, flex_can_run
from ossamma.schema.errors import ConfigurationError

AttentionMode: TypeAlias = Literal["auto", "dense", "blocked", "flex"]


def check_mode(mode: str) -> None:
    """Refuse what is not an `AttentionMode`."""
    if mode not in get_args(AttentionMode):
        raise ConfigurationError(
            f"attention_mode must be one of {get_args(AttentionMode)}, got {mode!r}"
        )


class RotaryTable(NamedTuple):
    """Cosines and signed sines of position x frequency, (T, E) each."""

    cosine_TE: Tensor
    sine_TE: Tensor


class SlidingWindowAttention(nn.Module):
    """Softmax attention in a band: token i sees the real tokens j with |i - j| <= window // 2.

    Order enters by rotary positions (Su et al., "RoFormer", 2021): scores depend on i - j only.
    """

    def __init__(
        self,
        hidden_size: int,
        num_heads: int,
        window_size: int,
        rope_theta: float = 10000.0,
        mode: AttentionMode = "auto",
    ) -> None:
        super().__init__()
        check_mode(mode)
        if num_heads < 1 or hidden_size < 1 or hidden_size % (2 * num_heads):
            raise ConfigurationError(
                f"hidden_size must be a positive multiple of 2 x num_heads (rotary positions turn "
                f"pairs), got {hidden_size} and {num_heads}"
            )
        if window_size < 1 or not rope_theta > 1.0:
            raise ConfigurationError(
                f"window_size must be at least 1 and rope_theta above 1, got {window_size} and "
                f"{rope_theta}"
            )
        self.num_heads = num_heads
        self.reach = window_size // 2
        self.rope_theta = rope_theta
        self.mode = mode
        self.query_key_value = nn.Linear(hidden_size, 3 * hidden_size, bias=False)
        self.output = nn.Linear(hidden_size, hidden_size, bias=False)
        self._rotary: RotaryTable | None = None

    def forward(self, z_BTD: Tensor, mask_BT: Tensor) -> Tensor:
        """Return y_BTD, zero at padding.

        Args:
            z_BTD: Finite everywhere, padding included.
            mask_BT: True at real tokens.
        """
        mask_BT1 = mask_BT.unsqueeze(-1)
        p_BTP = self.query_key_value(z_BTD * mask_BT1)
        qk_BT2HE, v_BT1HE = p_BTP.unflatten(-1, (3, self.num_heads, -1)).split((2, 1), dim=2)
        q_BTHE, k_BTHE = rotate(qk_BT2HE, self._rotary_table(qk_BT2HE)).unbind(2)
        attend = choose_attention(q_BTHE, self.reach, self.mode)
        y_BTHE = attend(q_BTHE, k_BTHE, v_BT1HE.squeeze(2), mask_BT, reach=self.reach)
        y_BTD: Tensor = self.output(y_BTHE.flatten(2))
        return y_BTD * mask_BT1

    def _rotary_table(self, x_BT2HE: Tensor) -> RotaryTable:
        """Return the table for x's length and device, from memory if it is long enough there.

        Threads may share the module: the table is read and replaced as a whole, so that the worst
        that a race can do is to compute it twice.
        """
        num_steps, head_size, device = x_BT2HE.shape[1], x_BT2HE.shape[-1], x_BT2HE.device
        table = self._rotary
        if table is None or len(table.sine_TE) < num_steps or table.sine_TE.device != device:
            # A tensor made in inference mode could not serve a later training step.
            with torch.inference_mode(mode=False):
                table = rotary_table(num_steps, head_size, theta=self.rope_theta, device=device)
            self._rotary = table
        return RotaryTable(table.cosine_TE[:num_steps], table.sine_TE[:num_steps])


def rotary_table(
    num_steps: int, head_size: int, *, theta: float, device: torch.device
) -> RotaryTable:
    """Return the turns of `rotate`: position x theta^(-2 e / E) for the pair e, as float32.

    Angles are formed in double precision: in single they are off by 1e-4 from position 1,000 on.
    """
    pair_size = head_size // 2
    exponents = -torch.arange(pair_size, dtype=torch.float64) / pair_size
    angle_TE = torch.outer(torch.arange(num_steps, dtype=torch.float64), theta**exponents)
    sine_TE = angle_TE.sin()
    return RotaryTable(
        torch.cat([angle_TE.cos(), angle_TE.cos()], -1).to(device, torch.float32),
        torch.cat([-sine_TE, sine_TE], -1).to(device, torch.float32),
    )


def rotate(x_BTSHE: Tensor, table: RotaryTable) -> Tensor:
    """Turn each pair (x_e, x_{e + E/2}) by the angle of its position and frequency.

    S stands for any number of stacked projections. The result has x's type.
    """
    half = x_BTSHE.shape[-1] // 2
    cosine_T11E, sine_T11E = (part_TE[:, None, None] for part_TE in table)
    swapped_BTSHE = x_BTSHE.roll(half, -1)
    return torch.addcmul(x_BTSHE * cosine_T11E, swapped_BTSHE, sine_T11E).to(x_BTSHE.dtype)


class Attend(Protocol):
    """A way to attend within the band; all ways agree at real tokens."""

    def __call__(
        self, q_BTHE: Tensor, k_BTHE: Tensor, v_BTHE: Tensor, mask_BT: Tensor, *, reach: int
    ) -> Tensor:
        """Return y_BTHE; it is finite at padding, even where a query has no key at all."""
        ...


def choose_attention(q_BTHE: Tensor, reach: int, mode: AttentionMode = "auto") -> Attend:
    """Return the named way; auto is the faster one for such rows and a window of 2 x reach + 1.

    Forward and backward in ms, one CPU thread, B = 8, H = 6, E = 64, dense : blocked --
    reach 32: 3.4 : 5.8 at T = 64, 7.0 : 8.0 at 96, 11.2 : 10.9 at 128, 38 : 20 at 256, 174 : 41 at
    512; reach 64: 11 : 17 at T = 128, 25 : 26 at 200, 38 : 34 at 256, 151 : 68 at 512; reach 128:
    155 : 104 at T = 512.

    On a GPU FlexAttention takes the place of blocked, by its count of bytes and not by a clock.
    Shorter rows stay dense there: the band is most of their T x T, and nothing has to be compiled.
    """
    if mode == "auto":
        num_steps, head_size = q_BTHE.shape[1], q_BTHE.shape[-1]
        if num_steps < max(4 * reach, 128):
            mode = "dense"
        else:
            mode = "flex" if flex_can_run(q_BTHE.device.type, head_size) else "blocked"
    ways: dict[AttentionMode, Attend] = {
        "dense": attend_densely,
        "blocked": attend_in_blocks,
        "flex": attend_by_flex,
    }
    return ways[mode]


def attend_densely(
    q_BTHE: Tensor, k_BTHE: Tensor, v_BTHE: Tensor, mask_BT: Tensor, *, reach: int
) -> Tensor:
    """Attend with the T x T band written out: the reference, and the faster way for short rows."""
    step_T = torch.arange(q_BTHE.shape[1], device=q_BTHE.device)
    is_near_TT = (step_T[:, None] - step_T).abs() <= reach
    y_BHTE = functional.scaled_dot_product_attention(
        q_BTHE.transpose(1, 2),
        k_BTHE.transpose(1, 2),
        v_BTHE.transpose(1, 2),
        attn_mask=_score_bias(is_near_TT, mask_BT[:, None, None], q_BTHE.dtype),
    )
    return y_BHTE.transpose(1, 2)


def attend_in_blocks(
    q_BTHE: Tensor, k_BTHE: Tensor, v_BTHE: Tensor, mask_BT: Tensor, *, reach: int
) -> Tensor:
    """Attend chunk by chunk: M queries to the M + 2 x reach keys around them, O(T window).

    All rows lie end to end, so that the overlapping windows of keys are one strided view without
    a copy. A window may reach into the neighbouring row; the mask of keys closes it there.
    """
    batch_size, num_steps, num_heads, head_size = q_BTHE.shape
    chunks_per_row = -(-num_steps // _target_chunk_size(reach))
    chunk_size = -(-num_steps // chunks_per_row)
    missing = chunks_per_row * chunk_size - num_steps
    span = chunk_size + 2 * reach
    if missing:  # a pad of nothing would still copy
        q_BTHE, k_BTHE, v_BTHE = (
            functional.pad(part, (0, 0, 0, 0, 0, missing)) for part in (q_BTHE, k_BTHE, v_BTHE)
        )
    k_CHSE, v_CHSE = (_windows(part.flatten(0, 1), reach, chunk_size) for part in (k_BTHE, v_BTHE))
    is_real_CS = functional.pad(mask_BT, (reach, reach + missing)).unfold(1, span, chunk_size)
    offset_MS = (
        torch.arange(span, device=q_BTHE.device)
        - torch.arange(chunk_size, device=q_BTHE.device)[:, None]
    )
    y_CHME = functional.scaled_dot_product_attention(
        q_BTHE.reshape(-1, chunk_size, num_heads, head_size).transpose(1, 2),
        k_CHSE,
        v_CHSE,
        attn_mask=_score_bias(
            (offset_MS >= 0) & (offset_MS <= 2 * reach),
            is_real_CS.reshape(-1, 1, 1, span),
            q_BTHE.dtype,
        ),
    )
    return y_CHME.transpose(1, 2).reshape(batch_size, -1, num_heads, head_size)[:, :num_steps]


def _target_chunk_size(reach: int) -> int:
    """Return M: of 16 to 256 the best or nearly so for reach 32, 64 and 128 (32, 64 and 64)."""
    return min(max(reach, 32), 64)


def _score_bias(is_near: Tensor, is_real: Tensor, dtype: torch.dtype) -> Tensor:
    """Return what is added to the scores: -inf beyond the band, hugely negative at padding.

    Finite at padding, so that a query which sees nothing but padding gets no NaN: its weights are
    then even, over values without meaning. Beside one real key the weight of padding is exactly 0.
    """
    near = torch.zeros(is_near.shape, dtype=dtype, device=is_near.device)
    real = torch.zeros(is_real.shape, dtype=dtype, device=is_real.device)
    return near.masked_fill(~is_near, -torch.inf) + real.masked_fill(
        ~is_real, torch.finfo(dtype).min / 2
    )


def _windows(x_RHE: Tensor, reach: int, chunk_size: int) -> Tensor:
    """Return for each chunk of rows those within reach of it, as x_CHSE; zeros beyond the ends."""
    padded_RHE = functional.pad(x_RHE, (0, 0, 0, 0, reach, reach))
    x_CHES: Tensor = _Overlapping.apply(padded_RHE, chunk_size + 2 * reach, chunk_size)  # type: ignore[no-untyped-call]
    return x_CHES.mT


class _Overlapping(torch.autograd.Function):
    """`Tensor.unfold` along the first dimension, with a backward pass that adds whole slices.

    The built-in backward adds number by number; in the whole attention this saves a seventh.
    """

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401 - autograd's own type lacks half of what it offers
        x_RHE: Tensor,
        size: int,
        step: int,
    ) -> Tensor:
        ctx.step = step
        return x_RHE.unfold(0, size, step)

    @staticmethod
    def backward(
        ctx: Any,  # noqa: ANN401
        *grads: Tensor,
    ) -> tuple[Tensor, None, None]:
        grad_CSHE = grads[0].movedim(-1, 1)
        num_chunks, size = grad_CSHE.shape[:2]
        parts = grad_CSHE.split(ctx.step, dim=1)
        # Chunk by chunk of rows. In-place sums into an unfolded view would be shorter, but the
        # compiler of torch 2.13 turns them into wrong numbers.
        sum_RMHE = grad_CSHE.new_zeros(num_chunks + len(parts) - 1, *parts[0].shape[1:])
        for shift, part_CMHE in enumerate(parts):
            sum_RMHE[shift : shift + num_chunks, : part_CMHE.shape[1]] += part_CMHE
        num_rows = (num_chunks - 1) * ctx.step + size
        return sum_RMHE.flatten(0, 1)[:num_rows], None, None
