"""Time the oscillator layer's evaluations against the plain loop over time, in the same run.

Each way runs forward and backward on the same input, alternating: once as the whole layer, with its
two projections, and once as the recurrence alone. Prints the medians and how many times faster
than the loop each way is. Ends with an assertion error if outputs or gradients differ.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ossamma.model.oscillator import DLinOSS, Mode, OscillatorSettings, oscillate

PEER: Mode = "recurrent"
MODES: tuple[Mode, ...] = ("chunked", "fft", PEER)
TOLERANCE = 1e-4
"""Relative to the greatest entry of each tensor."""
WARM_UP_RUNS = 2

Run = Callable[[], list[Tensor]]


def layer_run(mode: Mode, options: argparse.Namespace) -> Run:
    """Forward and backward of the whole layer; returns the output and every gradient."""
    torch.manual_seed(options.seed)
    layer = DLinOSS(
        OscillatorSettings(
            hidden_size=options.hidden_size, num_oscillators=options.oscillators, mode=mode
        )
    )
    x_BTD = torch.randn(options.batch, options.steps, options.hidden_size, requires_grad=True)
    mask_BT = torch.ones(options.batch, options.steps, dtype=torch.bool)
    leaves = [x_BTD, *layer.parameters()]

    def run() -> list[Tensor]:
        y_BTD = layer(x_BTD, mask_BT)
        return [y_BTD, *torch.autograd.grad(y_BTD, leaves, y_BTD.detach())]

    return run


def recurrence_run(mode: Mode, options: argparse.Namespace) -> Run:
    """Forward and backward of the recurrence alone, in the memory order that the layer gives it."""
    torch.manual_seed(options.seed)
    layer = DLinOSS(
        OscillatorSettings(hidden_size=1, num_oscillators=options.oscillators, direction="forward")
    )
    coefficients = type(layer.coefficients())(
        *(c_N.detach().requires_grad_() for c_N in layer.coefficients())
    )
    u_NBT = torch.randn(options.oscillators, options.batch, options.steps, requires_grad=True)
    leaves = [*coefficients, u_NBT]

    def run() -> list[Tensor]:
        x_BTN = oscillate(coefficients, u_NBT.permute(1, 2, 0), mode=mode)
        return [x_BTN, *torch.autograd.grad(x_BTN, leaves, x_BTN.detach())]

    return run


def assert_equal(runs: dict[Mode, Run]) -> None:
    """Outputs and gradients agree with the loop's."""
    expected = runs[PEER]()
    for mode, run in runs.items():
        for result, reference in zip(run(), expected, strict=True):
            gap = float((result - reference).detach().abs().max())
            scale = float(reference.detach().abs().max())
            assert gap <= TOLERANCE * scale, f"{mode} differs by {gap} of {scale}"


def alternate(runs: dict[Mode, Run], num_runs: int) -> dict[str, dict[str, float]]:
    """Median milliseconds of each mode over alternating runs, and the loop's over its own."""
    seconds: dict[Mode, list[float]] = {mode: [] for mode in runs}
    for number in range(-WARM_UP_RUNS, num_runs):
        for mode, run in runs.items():
            start = time.perf_counter()
            run()
            if number >= 0:
                seconds[mode].append(time.perf_counter() - start)
    medians = {mode: 1e3 * statistics.median(times) for mode, times in seconds.items()}
    return {
        mode: {"ms": median, "times_faster": medians[PEER] / median}
        for mode, median in medians.items()
    }


def main() -> None:
    """Run the comparison and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=8, help="rows (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=512, help="per row (default: %(default)s)")
    parser.add_argument("--hidden-size", type=int, default=384, help="default: %(default)s")
    parser.add_argument("--oscillators", type=int, default=384, help="default: %(default)s")
    parser.add_argument("--runs", type=int, default=9, help="of each (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    result: dict[str, Any] = {
        name: getattr(options, name)
        for name in ("batch", "steps", "hidden_size", "oscillators", "threads", "runs")
    }
    for part, prepare in (("layer", layer_run), ("recurrence", recurrence_run)):
        runs = {mode: prepare(mode, options) for mode in MODES}
        assert_equal(runs)
        result[part] = alternate(runs, options.runs)
    if options.json:
        print(json.dumps(result))
        return
    print(
        f"batch {options.batch}, {options.steps} steps, {options.oscillators} oscillators, "
        f"{options.threads} threads, forward and backward, median of {options.runs} runs"
    )
    for part, title in (("layer", "the layer"), ("recurrence", "the recurrence alone")):
        for mode, figures in result[part].items():
            name = "plain loop" if mode == PEER else mode
            print(
                f"{title:22} {name:10} {figures['ms']:9.2f} ms   {figures['times_faster']:5.1f} x"
            )
    print("outputs and gradients agree")


if __name__ == "__main__":
    main()
