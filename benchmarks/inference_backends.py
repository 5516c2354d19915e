"""Which way to run the encoder on a CPU is fastest, among those that find the same.

Whole recognition (words, windows, encoder, CRF) of one text at a time, by each backend in turn, so
that a machine with other work to do treats them alike. CPU time of one thread by default; parity is
against PyTorch in eager mode, on random texts.

    python benchmarks/inference_backends.py --bundle runs/demo
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from ossamma.export.bundle import load
from ossamma.export.frozen import FrozenTagger
from ossamma.export.onnx_graph import example_inputs, export_graph, export_program, quantise_graph
from ossamma.export.parity import compare, random_texts
from ossamma.inference.onnx_scorer import INPUTS, OnnxScorer
from ossamma.inference.recogniser import OssammaRecogniser
from ossamma.inference.scorers import Backend, Scorer
from ossamma.inference.settled import torch_scorer
from ossamma.schema.spans import Document
from ossamma.tokenization.batches import Batch

EAGER = "torch eager"


class ModuleScorer:
    """A frozen module of PyTorch, compiled or exported or as it is."""

    backend = Backend.TORCH

    def __init__(self, module: Callable[..., Tensor]) -> None:
        self.module = module

    def __call__(self, batch: Batch) -> Tensor:
        """Return emissions."""
        with torch.no_grad():  # compiled code and inference mode do not go together
            emissions: Tensor = self.module(*(batch[name].clone() for name in INPUTS))
        return emissions


def scorers_of(recogniser: OssammaRecogniser, *, compiled: bool) -> dict[str, Scorer | None]:
    """Return the ways to run the encoder by name; None is the model itself."""
    frozen = FrozenTagger(recogniser.model).eval()
    started = time.perf_counter()
    graph = export_graph(recogniser.model)
    small = quantise_graph(graph)
    print(
        f"# graphs made in {time.perf_counter() - started:.0f} s: {len(graph) / 1e6:.1f} MB in "
        f"float32, {len(small) / 1e6:.1f} MB in int8"
    )
    ways: dict[str, Scorer | None] = {
        EAGER: None,
        "torch settled": torch_scorer(recogniser.model),
        "torch frozen": ModuleScorer(frozen),
        "onnxruntime fp32": OnnxScorer(graph),
        "onnxruntime int8": OnnxScorer(small),
    }
    if compiled:
        exported: nn.Module = export_program(recogniser.model).module()
        ways["torch.export"] = ModuleScorer(exported)
        quick = torch.compile(frozen, dynamic=True)
        started = time.perf_counter()
        ModuleScorer(quick)(dict(zip(INPUTS, example_inputs(recogniser.model), strict=True)))
        print(f"# torch.compile took {time.perf_counter() - started:.0f} s")
        ways["torch.compile"] = ModuleScorer(quick)
    return ways


def text_of(num_words: int) -> str:
    """Random words, in lines of about twenty."""
    words = " ".join(text for text in random_texts(num_words, num_words)).split()[:num_words]
    return "\n".join(" ".join(words[i : i + 20]) for i in range(0, len(words), 20))


def time_all(
    ways: dict[str, OssammaRecogniser], text: str, repeats: int, clock: Callable[[], float]
) -> dict[str, float]:
    """Return the median seconds of each way, all ways in every round."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(repeats + 1):
        for name, recogniser in ways.items():
            started = clock()
            recogniser.recognise([text])
            if turn:  # the first round warms up
                seconds[name].append(clock() - started)
    return {name: statistics.median(each) for name, each in seconds.items()}


def shares_of(recogniser: OssammaRecogniser, text: str, repeats: int) -> dict[str, float]:
    """Return what share of the CPU time each stage takes."""
    spent = dict.fromkeys(("lay out", "encode", "decode"), 0.0)
    for _ in range(repeats):
        marks = [time.process_time()]
        laid = recogniser.lay_out(Document(id="", text=text))
        marks.append(time.process_time())
        recogniser.encode([(laid, number) for number in range(len(laid.windows))])
        marks.append(time.process_time())
        recogniser.decode([laid])
        marks.append(time.process_time())
        for name, before, after in zip(spent, marks, marks[1:], strict=False):
            spent[name] += after - before
    total = sum(spent.values())
    return {name: each / total for name, each in spent.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bundle", type=Path, required=True, help="a bundle or run")
    parser.add_argument("--words", default="16,128,512,4096", help="lengths of the texts")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--parity-texts", type=int, default=200)
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile out")
    parser.add_argument("--wall", action="store_true", help="the wall clock, not CPU time")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    plain = load(arguments.bundle, backend="torch")
    ways = {
        name: OssammaRecogniser(plain.model, plain.tokenizer, scorer=scorer)
        for name, scorer in scorers_of(plain, compiled=not arguments.no_compile).items()
    }
    result: dict[str, object] = {"threads": arguments.threads}
    texts = random_texts(arguments.parity_texts, 1)
    for name, recogniser in ways.items():
        parity = compare(ways[EAGER], recogniser, texts)
        result[f"parity {name}"] = parity.to_json()
        print(
            f"# parity of {name}: {parity.different} of {parity.texts} texts differ, posteriors "
            f"of the others by {parity.greatest:.1e}"
        )
    clock = time.perf_counter if arguments.wall else time.process_time
    print(f"{'words':>6} {'backend':18} {'ms':>9} {'words/s':>9} {'eager/it':>9}")
    for length in map(int, arguments.words.split(",")):
        text = text_of(length)
        medians = time_all(ways, text, arguments.repeats, clock)
        for name, seconds in medians.items():
            ratio = medians[EAGER] / seconds
            print(
                f"{length:6} {name:18} {1000 * seconds:9.2f} {length / seconds:9.0f} {ratio:9.2f}"
            )
        shares = shares_of(ways["onnxruntime fp32"], text, arguments.repeats)
        print(
            "#",
            ", ".join(f"{name} {100 * share:.0f} %" for name, share in shares.items()),
            "of onnxruntime fp32",
        )
        result[str(length)] = {"seconds": medians, "shares onnxruntime fp32": shares}
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
