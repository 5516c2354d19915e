"""Time the fused oscillator kernels on a GPU against their memory floor and the other ways.

The floor is a copy of as many bytes as the kernels must move, timed on the same device: forward
reads u and writes x (2 numbers a step), backward reads the gradient, u and x and writes the
adjoint (4 numbers). Medians over alternating runs. Without a GPU, or without a Triton that can
compile the kernels, it says so, prints what it would do, and ends with exit code 0.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ossamma.model.installed_triton import TRITON_VERSION
from ossamma.model.oscillation import oscillate_chunked, oscillate_fft
from ossamma.model.oscillation_fused import fused_can_run, oscillate_fused
from ossamma.model.oscillator import DLinOSS, OscillatorSettings

DTYPE = torch.bfloat16
NUMBERS_MOVED = {"forward": 2, "backward": 4}
AIM = 1.5
"""Times the floor."""
WAYS = {"fused": oscillate_fused, "chunked": oscillate_chunked, "fft": oscillate_fft}
WARM_UP_RUNS = 3

Run = Callable[[], object]


def prepare(options: argparse.Namespace) -> dict[str, dict[str, Run]]:
    """Return what is timed, by pass and way."""
    torch.manual_seed(options.seed)
    settings = OscillatorSettings(
        hidden_size=1, num_oscillators=options.oscillators, direction="forward"
    )
    made = DLinOSS(settings).cuda().coefficients()
    coefficients = type(made)(*(c_N.detach().requires_grad_() for c_N in made))
    shape = (options.oscillators, options.batch, options.steps)
    u_NBT = torch.randn(shape, device="cuda", dtype=DTYPE, requires_grad=True)
    leaves = [*coefficients, u_NBT]
    runs: dict[str, dict[str, Run]] = {"forward": {}, "backward": {}}
    for name, evaluate in WAYS.items():
        x_BTN = evaluate(coefficients, u_NBT.permute(1, 2, 0))
        runs["forward"][name] = lambda evaluate=evaluate: evaluate(
            coefficients, u_NBT.detach().permute(1, 2, 0)
        )
        runs["backward"][name] = lambda x_BTN=x_BTN: torch.autograd.grad(
            x_BTN, leaves, x_BTN.detach(), retain_graph=True
        )
    for name, numbers in NUMBERS_MOVED.items():
        # A copy reads each byte and writes it: half of the numbers, each moved twice.
        source = torch.empty(numbers // 2 * u_NBT.numel(), device="cuda", dtype=DTYPE)
        runs[name]["floor"] = copy_of(source)
    return runs


def copy_of(source: Tensor) -> Run:
    """Return the run that copies a tensor."""
    target = torch.empty_like(source)
    return lambda: target.copy_(source)


def milliseconds(run: Run) -> float:
    """Time one run by the device's own clock, with a cold cache."""
    torch.empty(256 * 2**20, dtype=torch.int8, device="cuda").zero_()
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    run()
    end.record()
    torch.cuda.synchronize()
    return float(start.elapsed_time(end))


def alternate(runs: dict[str, Run], num_runs: int) -> dict[str, dict[str, float]]:
    """Return the median milliseconds of each way and its multiple of the floor."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(-WARM_UP_RUNS, num_runs):
        for name, run in runs.items():
            time = milliseconds(run)
            if number >= 0:
                times[name].append(time)
    medians = {name: statistics.median(own) for name, own in times.items()}
    return {
        name: {"ms": median, "times_the_floor": median / medians["floor"]}
        for name, median in medians.items()
    }


def missing() -> str:
    """Return why nothing can be timed here; "" if it can."""
    if not torch.cuda.is_available():
        return "no CUDA device is at hand"
    if not fused_can_run("cuda", DTYPE):
        return f"no Triton that can compile the kernels (found {TRITON_VERSION or 'none'})"
    return ""


def show(result: dict[str, Any], shape: str) -> None:
    """Print the figures as text."""
    print(f"{result['device']}, {shape}, bfloat16")
    for part in NUMBERS_MOVED:
        for name, figures in result[part].items():
            print(f"{part:9} {name:8} {figures['ms']:9.4f} ms {figures['times_the_floor']:6.2f} x")
    for part in NUMBERS_MOVED:
        ratio = result[part]["fused"]["times_the_floor"]
        print(f"{part}: {ratio:.2f} x the floor; the aim is {AIM} x")


def main() -> None:
    """Run the comparison and print it, or say why there is none."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=64, help="rows (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=512, help="per row (default: %(default)s)")
    parser.add_argument("--oscillators", type=int, default=384, help="default: %(default)s")
    parser.add_argument("--runs", type=int, default=25, help="of each (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    options = parser.parse_args()
    shape = f"{options.oscillators} oscillators, {options.batch} rows of {options.steps} steps"
    if reason := missing():
        if options.json:
            print(json.dumps({"skipped": reason}))
            return
        print(f"nothing was timed: {reason}")
        print(f"would time, for {shape} in bfloat16 and {options.runs} alternating runs each:")
        for part, numbers in NUMBERS_MOVED.items():
            megabytes = numbers * 2 * options.oscillators * options.batch * options.steps / 1e6
            print(f"  {part}: {', '.join(WAYS)} against a copy that moves {megabytes:.0f} MB")
        return
    result: dict[str, Any] = {
        part: alternate(runs, options.runs) for part, runs in prepare(options).items()
    }
    result["device"] = torch.cuda.get_device_name()
    if options.json:
        print(json.dumps(result))
    else:
        show(result, shape)


if __name__ == "__main__":
    main()
