"""The tagger with all that is constant folded in: real numbers only, any length, ready to export.

What a release computes is fixed, so that much of the model's freedom can go: the diffusion time is
one number and disappears into the layer norms, the feature maps of the linear attention into its
projection, and the oscillators become matrices. No step loops over time or branches on a length, so
that one graph serves every length. `ossamma.model.modeling` stays the definition, which the tests
compare this with.

Letters: B windows, T pieces, F word features, S lines, W words, D width, K tags, H heads, E head
width, P rotary pairs, N oscillators, C chunks, L steps in a chunk, M queries in a block of the
window attention.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ossamma.model.block import OscillatorGate, OssammaBlock
from ossamma.model.linear_attention import LinearAttention, attend_linearly
from ossamma.model.modeling import OssammaForTokenClassification, OssammaModel
from ossamma.model.oscillation_kernels import chunk_matrices
from ossamma.model.oscillator import DLinOSS
from ossamma.model.window_attention import RotaryTable, SlidingWindowAttention, rotary_table

CHUNK_STEPS = 16
"""L: rows are padded to a multiple of it, or of the window attention's block."""
MAX_PIECES = 2_048
"""Longest window that an exported graph takes."""


def freeze(model: OssammaForTokenClassification) -> nn.Module:
    """Return the tagger in the form that is exported, whichever its encoder is."""
    kind = FrozenTagger if isinstance(model.encoder, OssammaModel) else PlainTagger
    return kind(model).eval()


class PlainTagger(nn.Module):
    """Pieces to the emissions of words, by an encoder that has nothing to fold in."""

    def __init__(self, model: OssammaForTokenClassification) -> None:
        super().__init__()
        assert not model.training, "only a model in its eval mode can be frozen"
        self.encoder = model.encoder
        self.head_norm = model.head.norm
        self.emissions = model.head.emissions

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        word_features: Tensor,
        first_pieces: Tensor,
    ) -> Tensor:
        """Return emissions (S, W, K); see `FrozenTagger.forward`."""
        states_BTD = self.encoder(input_ids, attention_mask, word_features).last_hidden_state
        states_SWD = states_BTD.flatten(0, 1)[first_pieces]
        result: Tensor = self.emissions(self.head_norm(states_SWD))
        return result


class FrozenTagger(nn.Module):
    """Pieces and features to the emissions of words."""

    cosine_TP: Tensor
    sine_TP: Tensor

    def __init__(self, model: OssammaForTokenClassification) -> None:
        super().__init__()
        assert not model.training, "only a model in its eval mode can be frozen"
        encoder = model.encoder
        assert isinstance(encoder, OssammaModel), "other encoders are exported as they are"
        reach = encoder.config.window_size // 2
        self.multiple = CHUNK_STEPS * max(1, -(-reach // CHUNK_STEPS))
        self.pad_id = encoder.config.pad_token_id
        self.embedding = encoder.embedding
        with torch.no_grad():
            time = torch.full((1,), encoder.config.tagging_time)
            time_BE = encoder.time_embedding(time)
            self.blocks = nn.ModuleList(
                FrozenBlock(cast("OssammaBlock", block), time_BE, self.multiple)
                for block in encoder.blocks
            )
        head_size = encoder.config.hidden_size // encoder.config.num_attention_heads
        table = rotary_table(
            MAX_PIECES + self.multiple,
            head_size,
            theta=encoder.config.rope_theta_base,
            device=torch.device("cpu"),
        )
        # The pairs turn alike: cosines come twice, sines with the opposite sign.
        self.register_buffer("cosine_TP", table.cosine_TE[:, head_size // 2 :].clone())
        self.register_buffer("sine_TP", table.sine_TE[:, head_size // 2 :].clone())
        self.norm = encoder.norm
        self.head_norm = model.head.norm
        self.emissions = model.head.emissions

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        word_features: Tensor,
        first_pieces: Tensor,
    ) -> Tensor:
        """Return emissions (S, W, K).

        Args:
            input_ids: (B, T) pieces.
            attention_mask: (B, T) bool, True at real pieces.
            word_features: (B, T, F) feature rows; F may be 0.
            first_pieces: (S, W) each word's first piece, as an index into the B * T pieces.
        """
        length = input_ids.shape[1]
        missing = (length + self.multiple - 1) // self.multiple * self.multiple - length
        ids_BT = functional.pad(input_ids, (0, missing), value=self.pad_id)
        mask_BT = functional.pad(attention_mask, (0, missing), value=False)
        features_BTF = functional.pad(word_features, (0, 0, 0, missing))
        x_BTD = self.embedding(ids_BT, features_BTF)
        keep_BT1 = mask_BT.unsqueeze(-1).to(x_BTD.dtype)
        padded = ids_BT.shape[1]
        turns = RotaryTable(self.cosine_TP[:padded, None, None], self.sine_TP[:padded, None, None])
        for block in self.blocks:
            x_BTD = block(x_BTD, mask_BT, keep_BT1, turns)
        states_SWD = x_BTD[:, :length].flatten(0, 1)[first_pieces]
        result: Tensor = self.emissions(self.head_norm(self.norm(states_SWD)))
        return result


class FrozenBlock(nn.Module):
    """One block at a fixed diffusion time; see `OssammaBlock`."""

    def __init__(self, block: OssammaBlock, time_BE: Tensor, multiple: int) -> None:
        super().__init__()
        self.norm, bias = block.norm.at_time(time_BE)
        self.register_buffer("time_bias", bias)
        self.glu = block.glu
        self.linear_attention = FrozenLinearAttention(block.linear_attention)
        gate = block.oscillator_gate
        self.oscillator: nn.Module | None = (
            FrozenOscillator(gate.oscillator) if isinstance(gate, OscillatorGate) else None
        )
        self.global_output = block.global_output
        self.input_gate = block.input_gate
        self.window_attention = FrozenWindowAttention(block.window_attention, multiple)
        self.output_gate = block.output_gate
        self.mixing = block.mixing
        self.feed_forward = block.feed_forward

    time_bias: Tensor

    def forward(
        self, x_BTD: Tensor, mask_BT: Tensor, keep_BT1: Tensor, turns: RotaryTable
    ) -> Tensor:
        """Return (B, T, D)."""
        z_BTD = self.norm(x_BTD)
        content_BTD, rhythm_BTD = self.glu(z_BTD).chunk(2, dim=-1)
        gated_BTD = self.linear_attention(content_BTD * keep_BT1, keep_BT1)
        if self.oscillator is not None:
            gated_BTD = gated_BTD * torch.sigmoid(self.oscillator(rhythm_BTD * keep_BT1, keep_BT1))
        global_BTD = self.global_output(gated_BTD)
        local_BTD = self.window_attention(
            z_BTD * self.input_gate(global_BTD) * keep_BT1, mask_BT, keep_BT1, turns
        )
        local_BTD = local_BTD + self.output_gate(global_BTD) * global_BTD
        alpha_BT1 = self.mixing(z_BTD, self.time_bias)
        x_BTD = x_BTD + alpha_BT1 * global_BTD + (1.0 - alpha_BT1) * local_BTD
        result: Tensor = x_BTD + self.feed_forward(x_BTD)
        return result


class FrozenLinearAttention(nn.Module):
    """Linear attention with the feature maps multiplied into the projection."""

    def __init__(self, attention: LinearAttention) -> None:
        super().__init__()
        self.num_heads = attention.num_heads
        weight_PD = attention.query_key_value.weight
        width = weight_PD.shape[1]
        feature_HFE = attention.feature_HFE
        qk_2HED = weight_PD[: 2 * width].view(2, *feature_HFE.shape[:2], width)
        folded_QD = torch.matmul(feature_HFE, qk_2HED).flatten(0, -2)
        self.project = nn.Linear(width, 3 * width, bias=False)
        self.project.weight = nn.Parameter(torch.cat([folded_QD, weight_PD[2 * width :]]))

    def forward(self, c_BTD: Tensor, keep_BT1: Tensor) -> Tensor:
        """Return (B, T, D); `c_BTD` is zero at padding."""
        p_BT3HE = self.project(c_BTD).unflatten(-1, (3, self.num_heads, -1))
        q_BHTE, k_BHTE, v_BHTE = p_BT3HE.permute(2, 0, 3, 1, 4).unbind(0)
        y_BHTE = attend_linearly(
            functional.softplus(q_BHTE), functional.softplus(k_BHTE), v_BHTE, keep_BT1.squeeze(-1)
        )
        return y_BHTE.transpose(1, 2).flatten(2)


class FrozenOscillator(nn.Module):
    """The oscillators as matrices: within chunks, into and out of them, and between them.

    The modal state that enters chunk c is a sum over the chunks before it, so that what
    `ossamma.model.oscillation` does in a loop is one more product, with powers from a table.
    """

    toeplitz_NLL: Tensor
    memory_NL2: Tensor
    echo_N2L: Tensor
    power_2NP: Tensor

    def __init__(self, oscillator: DLinOSS) -> None:
        super().__init__()
        self.drive = oscillator.drive
        self.readout = oscillator.readout
        number, halves = oscillator.settings.num_oscillators, oscillator.settings.direction
        self.shares = (number // 2, number // 2) if halves == "bidirectional" else (number, 0)
        matrices = chunk_matrices(
            oscillator.coefficients(),
            self.shares,
            num_steps=CHUNK_STEPS,
            num_chunks=MAX_PIECES // CHUNK_STEPS,
        )
        for name, tensor in matrices._asdict().items():
            self.register_buffer(name, tensor.float())

    def forward(self, x_BTD: Tensor, keep_BT1: Tensor) -> Tensor:
        """Return y_BTD, zero at padding; `x_BTD` is zero there. T is a multiple of L."""
        batch_size = x_BTD.shape[0]
        num_chunks = x_BTD.shape[1] // CHUNK_STEPS
        u_BTN = self.drive(x_BTD)
        u_NRL = u_BTN.permute(2, 0, 1).reshape(u_BTN.shape[-1], -1, CHUNK_STEPS)
        left_NR2 = torch.matmul(u_NRL, self.memory_NL2)
        carry_NR2 = self._carry(left_NR2, batch_size, num_chunks)
        h_NRL = torch.matmul(u_NRL, self.toeplitz_NLL) + torch.matmul(carry_NR2, self.echo_N2L)
        h_BTN = h_NRL.reshape(u_BTN.shape[-1], batch_size, -1).permute(1, 2, 0)
        y_BTD: Tensor = self.readout(h_BTN) * keep_BT1
        return y_BTD

    def _carry(self, left_NR2: Tensor, batch_size: int, num_chunks: int) -> Tensor:
        """Return the modal state that enters each chunk, from what each chunk alone leaves."""
        num_channels = left_NR2.shape[0]
        left_2NCB = left_NR2.reshape(num_channels, batch_size, num_chunks, 2).permute(3, 0, 2, 1)
        number_C = torch.arange(num_chunks, device=left_NR2.device)
        distance_CC = (number_C[:, None] - number_C[None, :]).clamp_min(0)
        forward, backward = self.shares
        parts = [
            power_2HP[:, :, distance]
            for power_2HP, distance in zip(
                self.power_2NP.split([forward, backward], dim=1),
                (distance_CC, distance_CC.T),
                strict=True,
            )
            if power_2HP.shape[1]
        ]
        real_NCC, imaginary_NCC = torch.cat(parts, dim=1).unbind(0)
        real_NCB, imaginary_NCB = left_2NCB.unbind(0)
        carry_2NCB = torch.stack(
            [
                torch.matmul(real_NCC, real_NCB) - torch.matmul(imaginary_NCC, imaginary_NCB),
                torch.matmul(real_NCC, imaginary_NCB) + torch.matmul(imaginary_NCC, real_NCB),
            ]
        )
        return carry_2NCB.permute(1, 3, 2, 0).reshape(num_channels, -1, 2)


class FrozenWindowAttention(nn.Module):
    """Window attention by blocks of M queries that see their own block and both neighbours."""

    near_MS: Tensor

    def __init__(self, attention: SlidingWindowAttention, block_size: int) -> None:
        super().__init__()
        assert block_size >= attention.reach, "a query's window ends within the next block"
        self.query_key_value = attention.query_key_value
        self.output = attention.output
        self.num_heads = attention.num_heads
        self.block_size = block_size
        offset_MS = (
            torch.arange(3 * block_size)[None, :] - torch.arange(block_size)[:, None] - block_size
        )
        self.register_buffer("near_MS", offset_MS.abs() <= attention.reach)

    def forward(
        self, z_BTD: Tensor, mask_BT: Tensor, keep_BT1: Tensor, turns: RotaryTable
    ) -> Tensor:
        """Return y_BTD, zero at padding; `z_BTD` is zero there. T is a multiple of M."""
        size = self.block_size
        p_BT3HE = self.query_key_value(z_BTD).unflatten(-1, (3, self.num_heads, -1))
        qk_BT2HE, v_BT1HE = p_BT3HE.split((2, 1), dim=2)
        first, second = qk_BT2HE.chunk(2, dim=-1)
        turned_BT2HE = torch.cat(
            [
                first * turns.cosine_TE - second * turns.sine_TE,
                second * turns.cosine_TE + first * turns.sine_TE,
            ],
            dim=-1,
        )
        q_BTHE, k_BTHE = turned_BT2HE.unbind(2)
        q_BCHME = q_BTHE.unflatten(1, (-1, size)).transpose(2, 3)
        k_BCHSE, v_BCHSE = (
            _neighbours(x, size).transpose(2, 3) for x in (k_BTHE, v_BT1HE.squeeze(2))
        )
        real_BC11S = _neighbours(mask_BT, size)[:, :, None, None]
        seen_BC1MS = self.near_MS & real_BC11S
        scores_BCHMS = torch.matmul(q_BCHME, k_BCHSE.mT) * q_BTHE.shape[-1] ** -0.5
        # Finite: a query of padding may see no real key, and must not become NaN.
        weights_BCHMS = torch.softmax(scores_BCHMS.masked_fill(~seen_BC1MS, -1e9), dim=-1)
        y_BCHME = torch.matmul(weights_BCHMS, v_BCHSE)
        y_BTD = y_BCHME.transpose(2, 3).flatten(1, 2).flatten(2)
        result: Tensor = self.output(y_BTD) * keep_BT1
        return result


def _neighbours(x_BT: Tensor, size: int) -> Tensor:
    """Return for each block of `size` steps the block before, itself and the block after."""
    blocks = x_BT.unflatten(1, (-1, size))
    nothing = torch.zeros_like(blocks[:, :1])
    padded = torch.cat([nothing, blocks, nothing], dim=1)
    return torch.cat([padded[:, :-2], blocks, padded[:, 2:]], dim=2)
