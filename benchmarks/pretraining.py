"""Time steps of pre-training against a Hugging Face BERT of equal width, depth and parameters.

Both learn to name three tenths of random pieces: forward, backward and a step of AdamW, in turn, on
the same device. The head of both looks at the masked pieces alone. MFU is six operations per weight
outside the embedding tables and piece, over the device's peak: the data sheet's on a GPU that is
listed, else what a large product of matrices reaches in the same run.

    python benchmarks/pretraining.py --precision bf16 --threads 1
    python benchmarks/pretraining.py --device cuda --precision bf16 --rows 128 --compile
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable

import torch
from encoder import build
from torch import Tensor, nn

from ossamma.training.throughput import matrix_weights, peak_flops

MASKED = 0.3
VOCABULARY = 8_000
Step = Callable[[], None]


class Namer(nn.Module):
    """An encoder with a head that names masked pieces."""

    def __init__(self, encoder: nn.Module, width: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(width, VOCABULARY)

    def forward(self, pieces_BT: Tensor, masked_BT: Tensor) -> Tensor:
        """Return the mean cross-entropy of the masked pieces, in nats."""
        states_BTD = self.encoder(input_ids=pieces_BT.masked_fill(masked_BT, 4)).last_hidden_state
        logits_MV = self.head(states_BTD[masked_BT])
        return nn.functional.cross_entropy(logits_MV.float(), pieces_BT[masked_BT])


def measured_peak(device: str, precision: torch.dtype, size: int = 2_048) -> float:
    """Return the operations per second of the best of ten products of square matrices."""
    left, right = (torch.randn(size, size, device=device, dtype=precision) for _ in range(2))
    return 2 * size**3 / min(timed(lambda: left @ right, device) for _ in range(10))


def timed(act: Callable[[], object], device: str) -> float:
    """Return the seconds that an act takes."""
    started = time.perf_counter()
    act()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started


def step_of(model: nn.Module, inputs: tuple[Tensor, Tensor], precision: torch.dtype) -> Step:
    """Return a step of training on the same pieces again and again."""
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-4)

    def step() -> None:
        optimiser.zero_grad()
        with torch.autocast(
            inputs[0].device.type, torch.bfloat16, enabled=precision is torch.bfloat16
        ):
            loss = model(*inputs)
        loss.backward()
        optimiser.step()

    return step


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=8, help="windows in a step")
    parser.add_argument("--length", type=int, default=512, help="pieces of a window")
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--depth", type=int, default=4)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="bf16")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--compile", action="store_true", help="torch.compile for both")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def main() -> None:
    """Print pieces per second and MFU of both, and the ratio."""
    arguments = options()
    torch.manual_seed(0)
    torch.set_num_threads(arguments.threads)
    device = arguments.device
    dtype = torch.bfloat16 if arguments.precision == "bf16" else torch.float32
    pieces = torch.randint(5, VOCABULARY, (arguments.rows, arguments.length), device=device)
    masked = torch.rand(pieces.shape, device=device) < MASKED
    both = build(arguments.width, arguments.depth, arguments.heads, arguments.length)
    weights = {"ossamma": matrix_weights(both[0]), "bert": matrix_weights(both[1])}
    steps = {}
    for name, encoder in zip(weights, both, strict=True):
        model = Namer(encoder, arguments.width).to(device).train()
        run = torch.compile(model) if arguments.compile else model
        steps[name] = step_of(run, (pieces, masked), dtype)
    peak = (peak_flops() if device == "cuda" else None) or measured_peak(device, dtype)
    times: dict[str, list[float]] = {name: [] for name in steps}
    for turn in range(arguments.runs + 2):
        for name, step in steps.items():
            taken = timed(step, device)
            if turn > 1:
                times[name].append(taken)
    rates = {name: pieces.numel() / statistics.median(taken) for name, taken in times.items()}
    ratios = [b / o for o, b in zip(times["ossamma"], times["bert"], strict=True)]
    report = {
        "settings": {key: value for key, value in vars(arguments).items() if key != "json"},
        "peak_flops": peak,
        "matrix_weights": weights,
        "pieces_per_second": rates,
        "mfu": {name: 6 * weights[name] * rate / peak for name, rate in rates.items()},
        "ratio": statistics.median(ratios),
    }
    if arguments.json:
        print(json.dumps(report))
        return
    print(f"peak {peak / 1e9:,.0f} GFLOP/s")
    for name, rate in rates.items():
        print(
            f"{name:>8}: {weights[name] / 1e6:.2f} M weights, {rate:9,.0f} pieces/s, "
            f"MFU {100 * report['mfu'][name]:.1f} %"
        )
    print(f"ossamma / BERT, pieces per second: {report['ratio']:.2f}")


if __name__ == "__main__":
    main()
