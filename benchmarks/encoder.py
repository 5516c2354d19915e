"""Time the encoder against a Hugging Face BERT of equal width, depth and parameters.

Both read the same random pieces on the same device, forward only, without gradients, in turn. BERT
gets SDPA attention and position tables long enough for the longest input. Parameters are equalised
by the FFN width of BERT (embeddings left out on both sides, for they cost no time). `--precision
bf16` runs both under autocast.

    python benchmarks/encoder.py --lengths 512,1024,2048,8192
"""

from __future__ import annotations

import argparse
import json
import statistics
import time

import torch
from transformers import BertConfig, BertModel

from ossamma.model.configuration import OssammaConfig
from ossamma.model.modeling import OssammaModel


def encoder_parameters(model: torch.nn.Module) -> int:
    """Parameters outside embedding tables."""
    return sum(
        p.numel() for name, p in model.named_parameters() if "embedding" not in name.split(".")[0]
    )


def build(width: int, depth: int, heads: int, longest: int) -> tuple[OssammaModel, BertModel]:
    """Two encoders of equal width, depth and, within 1 %, parameters."""
    ours = OssammaModel(
        OssammaConfig(
            vocab_size=8_000,
            hidden_size=width,
            num_hidden_layers=depth,
            num_attention_heads=heads,
            num_oscillators=width,
        )
    ).eval()
    wanted = encoder_parameters(ours)
    attention = depth * (4 * width * width + 9 * width)
    inner = round((wanted - attention) / depth / (2 * width + 1))
    theirs = BertModel(
        BertConfig(
            vocab_size=8_000,
            hidden_size=width,
            num_hidden_layers=depth,
            num_attention_heads=heads,
            intermediate_size=inner,
            max_position_embeddings=longest,
            attn_implementation="sdpa",
        ),
        add_pooling_layer=False,
    ).eval()
    return ours, theirs


def seconds(model: torch.nn.Module, pieces: torch.Tensor) -> float:
    """Time of one forward pass."""
    started = time.perf_counter()
    model(input_ids=pieces)
    return time.perf_counter() - started


def main() -> None:
    """Print medians and ratios for every length."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--lengths", default="512,1024,2048,8192")
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--depth", type=int, default=4)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(arguments.threads)
    lengths = [int(length) for length in arguments.lengths.split(",")]
    ours, theirs = build(arguments.width, arguments.depth, arguments.heads, max(lengths))
    rows = []
    autocast = torch.autocast("cpu", torch.bfloat16, enabled=arguments.precision == "bf16")
    with torch.inference_mode(), autocast:
        for length in lengths:
            pieces = torch.randint(5, 8_000, (1, length))
            times: dict[str, list[float]] = {"ossamma": [], "bert": []}
            for turn in range(arguments.runs + 1):
                for name, model in (("ossamma", ours), ("bert", theirs)):
                    taken = seconds(model, pieces)
                    if turn:
                        times[name].append(taken)
            ossamma, bert = (statistics.median(times[name]) for name in ("ossamma", "bert"))
            ratios = [b / o for o, b in zip(times["ossamma"], times["bert"], strict=True)]
            rows.append(
                {
                    "length": length,
                    "ossamma_ms": 1e3 * ossamma,
                    "bert_ms": 1e3 * bert,
                    "ratio": statistics.median(ratios),
                }
            )
    report = {
        "parameters": {"ossamma": encoder_parameters(ours), "bert": encoder_parameters(theirs)},
        "threads": arguments.threads,
        "precision": arguments.precision,
        "rows": rows,
    }
    if arguments.json:
        print(json.dumps(report))
        return
    print(f"parameters without embeddings: {report['parameters']}")
    for row in rows:
        print(
            f"T = {row['length']:>6}: ossamma {row['ossamma_ms']:9.1f} ms   BERT "
            f"{row['bert_ms']:9.1f} ms   BERT / ossamma {row['ratio']:.2f}"
        )
    by_length = {row["length"]: row["ossamma_ms"] for row in rows}
    if {1_024, 8_192} <= set(by_length):
        print(f"ossamma time(8192) / time(1024) = {by_length[8_192] / by_length[1_024]:.2f}")


if __name__ == "__main__":
    main()
