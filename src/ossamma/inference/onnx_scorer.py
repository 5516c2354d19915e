"""The encoder as a graph in ONNX Runtime, on the CPU.

B windows, T pieces, F word features, S lines, W words, K tags.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from ossamma.inference.scorers import Backend
from ossamma.schema.errors import BundleError, ConfigurationError
from ossamma.tokenization.batches import Batch

INPUTS: Final = ("input_ids", "attention_mask", "word_features", "first_pieces")
"""Names of the graph's inputs: int64 (B, T), bool (B, T), int64 (B, T, F), int64 (S, W)."""
OUTPUT: Final = "emissions"
"""Name of its output: float32 (S, W, K)."""
MAX_PIECES_KEY: Final = "ossamma_max_pieces"
"""Entry of the graph's metadata: the longest window that it takes."""


class OnnxScorer:
    """Runs a graph that `ossamma.export.onnx_graph` made."""

    backend = Backend.ONNX

    def __init__(self, graph: Path | bytes, *, num_threads: int | None = None) -> None:
        """Load a graph.

        Args:
            graph: the file or its content.
            num_threads: for one operation; None means as many as PyTorch uses.

        Raises:
            ConfigurationError: ONNX Runtime is not installed.
            BundleError: it cannot load the graph, or the graph is none of ours.
        """
        runtime = _runtime()
        options = runtime.SessionOptions()
        options.intra_op_num_threads = num_threads or torch.get_num_threads()
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Waiting threads would burn the cores that tokenising and decoding need.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        content = str(graph) if isinstance(graph, Path) else graph
        try:
            self._session = runtime.InferenceSession(
                content, options, providers=["CPUExecutionProvider"]
            )
            # A model of pieces alone has no input for features.
            self._inputs = frozenset(each.name for each in self._session.get_inputs())
            self._max_pieces = int(
                self._session.get_modelmeta().custom_metadata_map[MAX_PIECES_KEY]
            )
        except Exception as error:  # the library's errors have no common base
            place = graph if isinstance(graph, Path) else "the graph"
            raise BundleError(f"{place}: ONNX Runtime cannot use it: {error}") from error

    def __call__(self, batch: Batch) -> Tensor:
        """Return emissions (S, W, K).

        Raises:
            ConfigurationError: a window is longer than the graph takes.
        """
        length = batch["input_ids"].shape[1]
        if length > self._max_pieces:
            raise ConfigurationError(
                f"the ONNX graph takes windows of at most {self._max_pieces} pieces, got {length}; "
                "choose smaller window_pieces, or the backend torch"
            )
        # In the order of INPUTS.
        columns = (
            batch["input_ids"],
            batch["attention_mask"],
            batch["word_features"],
            batch["first_pieces"],
        )
        feed = {
            name: column.cpu().numpy()
            for name, column in zip(INPUTS, columns, strict=True)
            if name in self._inputs
        }
        [emissions_SWK] = self._session.run([OUTPUT], feed)
        return torch.from_numpy(emissions_SWK)


def _runtime() -> Any:  # noqa: ANN401
    try:
        return import_module("onnxruntime")
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            "the backend onnx needs the library onnxruntime, which is not installed; expected the "
            "extra 'export': pip install \"ossamma[export]\", or the backend torch"
        ) from error
