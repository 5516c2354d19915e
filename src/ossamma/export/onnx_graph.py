"""The encoder as an ONNX graph: pieces and features in, emissions of words out, any length.

Viterbi and the posteriors stay in our own code: they run over whole lines, whatever windows their
words fell into, and a graph of one batch of windows cannot know those. Needs the libraries onnx,
onnxscript and, for int8, onnxruntime.
"""

from __future__ import annotations

import logging
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from ossamma.export.frozen import MAX_PIECES, freeze
from ossamma.inference.onnx_scorer import INPUTS, MAX_PIECES_KEY, OUTPUT
from ossamma.model.modeling import OssammaForTokenClassification

_OPSET: Final = 18
_LEAST_NUMBERS: Final = 4_096
"""Matrices of fewer numbers stay float32: the last layers are of these."""
_WITH_WEIGHTS: Final = ("MatMul", "Gemm", "Gather")


def export_graph(model: OssammaForTokenClassification) -> bytes:
    """Return the graph of a tagger in float32; takes half a minute.

    Args:
        model: in its eval mode, on the CPU.
    """
    with _silence():
        program = export_program(model)
        made = torch.onnx.export(
            program,
            dynamo=True,
            opset_version=_OPSET,
            input_names=list(INPUTS),
            output_names=[OUTPUT],
            verbose=False,
        )
    assert made is not None
    graph = made.model_proto
    entry = graph.metadata_props.add()
    longest = min(MAX_PIECES, model.config.longest_window + 2)
    entry.key, entry.value = MAX_PIECES_KEY, str(longest)
    # Of the exporter's notes some name files of this machine, and none is needed.
    for node in graph.graph.node:
        node.ClearField("metadata_props")
        node.ClearField("doc_string")
    content: bytes = graph.SerializeToString()
    return content


def export_program(model: OssammaForTokenClassification) -> torch.export.ExportedProgram:
    """Return the frozen tagger as a program of PyTorch whose rows and lengths are free."""
    shapes = {name: {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC} for name in INPUTS}
    with torch.no_grad():
        return torch.export.export(
            freeze(model), example_inputs(model), dynamic_shapes=shapes, strict=False
        )


def quantise_graph(graph: bytes) -> bytes:
    """Return the graph with int8 matrices; activations are quantised as they come.

    What is faster and smaller than float32 has other figures: a release with it needs a check of
    its F1.
    """
    onnx: Any = import_module("onnx")
    quantisation: Any = import_module("onnxruntime.quantization")
    loaded = onnx.load_model_from_string(graph)
    sizes = {
        each.name: each.dims[0] * each.dims[1]
        for each in loaded.graph.initializer
        if len(each.dims) == 2
    }
    names = [
        node.name
        for node in loaded.graph.node
        if node.op_type in _WITH_WEIGHTS
        and any(sizes.get(name, 0) >= _LEAST_NUMBERS for name in node.input)
    ]
    with tempfile.TemporaryDirectory() as folder, _silence():
        path = Path(folder) / "int8.onnx"
        quantisation.quantize_dynamic(
            loaded,
            path,
            weight_type=quantisation.QuantType.QInt8,
            per_channel=True,
            nodes_to_quantize=names,
            op_types_to_quantize=list(_WITH_WEIGHTS),
        )
        return path.read_bytes()


def example_inputs(model: OssammaForTokenClassification) -> tuple[Tensor, ...]:
    """Return inputs with no size of 0 or 1, which the exporter would take for a constant."""
    num_features = len(model.config.word_features)
    return (
        torch.full((2, 40), model.config.mask_token_id),
        torch.ones(2, 40, dtype=torch.bool),
        torch.ones(2, 40, num_features, dtype=torch.int64),
        torch.arange(60).view(3, 20),
    )


@contextmanager
def _silence() -> Iterator[None]:
    """Keep the exporters' notes about themselves off the terminal."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
