"""A Hugging Face encoder that gives one vector per token, and the bytes that it is stored as.

G windows of a pass, L pieces of the longest, D width, N tokens.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from transformers import (
    AutoConfig,
    AutoModel,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from ossamma.model.hugging_face import set_dropout, without_pooler
from ossamma.schema.errors import BundleError, ConfigurationError
from ossamma.spacy_path.encoder_layout import Layout, TokenWindow
from ossamma.tokenization.batches import group_by_length

_HEAD_BYTES: Final = 8


class TokenEncoder(nn.Module):
    """Reads windows and gives the mean of each token's pieces; empty until it is loaded.

    A batch that does not fit into one pass of `pass_pieces` is read in several. While training
    these are computed anew in the backward pass, so that one long document costs time, not memory.
    """

    def __init__(self, *, pass_pieces: int) -> None:
        super().__init__()
        self.pass_pieces = pass_pieces
        self.encoder: PreTrainedModel | None = None
        self.tokenizer: PreTrainedTokenizerFast | None = None

    @property
    def width(self) -> int:
        """Of the vectors."""
        assert self.encoder is not None, "it was loaded"
        return int(self.encoder.config.hidden_size)

    def forward(self, layout: Layout) -> Tensor:
        """Return (N, D); zeros for tokens that have no pieces."""
        assert self.encoder is not None, "it was loaded"
        assert self.tokenizer is not None, "it was loaded"
        windows = layout.windows
        groups = group_by_length(
            [len(window.pieces) for window in windows], max_pieces=self.pass_pieces
        )
        pooled: list[Tensor] = []
        tokens: list[int] = []
        for group in groups:
            chosen = [windows[index] for index in group]
            ids_GL, mask_GL = _padded(chosen, self.tokenizer.pad_token_id or 0, self._device)
            if self.training and len(groups) > 1:
                hidden_GLD = checkpoint(self._read, ids_GL, mask_GL, use_reentrant=False)
            else:
                hidden_GLD = self._read(ids_GL, mask_GL)
            pooled.append(_means(hidden_GLD, chosen))
            tokens += [token for window in chosen for token in window.tokens]
        where_N = torch.tensor(tokens, device=self._device)
        vectors_ND = torch.zeros(layout.num_tokens, self.width, device=self._device)
        return vectors_ND.index_copy(0, where_N, torch.cat(pooled))

    @property
    def _device(self) -> torch.device:
        return next(self.parameters()).device

    def _read(self, ids_GL: Tensor, mask_GL: Tensor) -> Tensor:
        assert self.encoder is not None, "it was loaded"
        hidden_GLD: Tensor = self.encoder(input_ids=ids_GL, attention_mask=mask_GL)[0]
        return hidden_GLD


def load_pretrained(module: TokenEncoder, name: str, *, dropout: float | None) -> None:
    """Fill the module with an encoder from a folder, or from a hub.

    Raises:
        ConfigurationError: there is none, or it has no fast tokenizer.
    """
    try:
        config = AutoConfig.from_pretrained(name)
        if dropout is not None:
            set_dropout(config, dropout)
        encoder = AutoModel.from_pretrained(name, config=config, dtype=torch.float32)
        # Byte-level tokenizers see words as they stand after a space.
        tokenizer = AutoTokenizer.from_pretrained(name, add_prefix_space=True)
    except (OSError, ValueError, ImportError) as error:
        raise ConfigurationError(f"cannot load the encoder {name!r}: {error}") from error
    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        raise ConfigurationError(
            f"the encoder {name!r} has no fast tokenizer (tokenizer.json); words cannot be told"
        )
    _install(module, encoder, tokenizer)


def to_bytes(module: TokenEncoder) -> bytes:
    """Return all that `from_bytes` needs: configuration, tokenizer and weights. No pickle."""
    if module.encoder is None or module.tokenizer is None:
        return b""
    tensors = {
        name: tensor.detach().cpu().contiguous().clone()
        for name, tensor in module.encoder.state_dict().items()
    }
    head = {
        "config": module.encoder.config.to_dict(),
        "tokenizer": _files_of(module.tokenizer),
    }
    packed = json.dumps(head).encode()
    return len(packed).to_bytes(_HEAD_BYTES, "little") + packed + save_tensors(tensors)


def from_bytes(module: TokenEncoder, content: bytes, device: torch.device) -> TokenEncoder:
    """Fill the module with what `to_bytes` gave; the encoder's own folder is not needed.

    Raises:
        BundleError: the weights do not fit the configuration.
    """
    if not content:
        return module
    start = _HEAD_BYTES + int.from_bytes(content[:_HEAD_BYTES], "little")
    head = json.loads(content[_HEAD_BYTES:start])
    model_type = head["config"].pop("model_type")
    encoder = AutoModel.from_config(AutoConfig.for_model(model_type, **head["config"]))
    tokenizer = _tokenizer_of(head["tokenizer"])
    _install(module, encoder, tokenizer)
    try:
        encoder.load_state_dict(load_tensors(content[start:]))
    except RuntimeError as error:
        raise BundleError(f"the stored encoder does not fit its configuration: {error}") from error
    return module.to(device)


def _install(
    module: TokenEncoder, encoder: PreTrainedModel, tokenizer: PreTrainedTokenizerFast
) -> None:
    module.encoder = without_pooler(encoder)
    module.tokenizer = tokenizer


def _files_of(tokenizer: PreTrainedTokenizerFast) -> dict[str, str]:
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save_pretrained(folder)
        return {p.name: p.read_text(encoding="utf-8") for p in Path(folder).iterdir()}


def _tokenizer_of(files: dict[str, str]) -> PreTrainedTokenizerFast:
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            if name != Path(name).name:
                raise BundleError(f"expected plain names of files, got {name!r}")
            (Path(folder) / name).write_text(content, encoding="utf-8")
        tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    assert isinstance(tokenizer, PreTrainedTokenizerFast)
    return tokenizer


def _padded(
    windows: Sequence[TokenWindow], pad: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    lengths_G = torch.tensor([len(window.pieces) for window in windows], device=device)
    longest = int(lengths_G.max())
    rows = [window.pieces + [pad] * (longest - len(window.pieces)) for window in windows]
    mask_GL = torch.arange(longest, device=device)[None, :] < lengths_G[:, None]
    return torch.tensor(rows, device=device), mask_GL.long()


def _means(hidden_GLD: Tensor, windows: Sequence[TokenWindow]) -> Tensor:
    """Return the mean of each token's pieces, in the order of windows and their tokens."""
    rows, starts, ends = [], [], []
    for row, window in enumerate(windows):
        rows += [row] * len(window.spans)
        starts += [start for start, _ in window.spans]
        ends += [end for _, end in window.spans]
    if max(e - s for s, e in zip(starts, ends, strict=True)) == 1:
        return hidden_GLD[rows, starts].float()
    before_GLD = torch.nn.functional.pad(hidden_GLD.float().cumsum(dim=1), (0, 0, 1, 0))
    sums_ND = before_GLD[rows, ends] - before_GLD[rows, starts]
    counts_N = torch.tensor(ends, device=sums_ND.device) - torch.tensor(
        starts, device=sums_ND.device
    )
    return sums_ND / counts_N[:, None]
