"""Time the CRF's training loss and Viterbi against pytorch-crf, on the same scores in the same run.

Both get the same emissions and transitions; what BIO forbids is -1e4 in the peer, which has no
forbidden moves. The runs alternate. Prints the medians and how many times slower the peer is. Ends
with an assertion error if losses, gradients or paths differ.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torchcrf
from torch import Tensor, nn

from ossamma.model.crf import LinearChainCRF
from ossamma.schema.labels import LabelSet

FORBIDDEN_IN_PEER = -1e4
TOLERANCE = 1e-4
"""Relative, of the loss."""
GRADIENT_TOLERANCE = 1e-3
"""Absolute. The peer's float32 sums grow with the words; float64 shows ours 50 times closer."""
WARM_UP_RUNS = 2


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """Both models with equal scores, and one batch: B rows, T words, K tags."""

    ours: LinearChainCRF
    peer: torchcrf.CRF
    emissions_BTK: Tensor
    mask_BT: Tensor
    tags_BT: Tensor


def build(options: argparse.Namespace) -> Problem:
    """Random scores, and the legal tags of a noisy copy of them as the gold standard."""
    generator = torch.Generator().manual_seed(options.seed)
    ours = LinearChainCRF(LabelSet(tuple(f"T{number}" for number in range(options.types))))
    for parameter in ours.parameters():
        nn.init.normal_(parameter, std=0.5, generator=generator)
    num_tags = ours.labels.num_tags
    peer = torchcrf.CRF(num_tags, batch_first=True)
    with torch.no_grad():
        for theirs, own, legal in (
            (peer.transitions, ours.transitions, ours.legal_moves),
            (peer.start_transitions, ours.start, ours.legal_start),
            (peer.end_transitions, ours.end, torch.ones(num_tags, dtype=torch.bool)),
        ):
            theirs.copy_(torch.where(legal, own, FORBIDDEN_IN_PEER))
    shape = (options.batch, options.words, num_tags)
    emissions_BTK = 2.0 * torch.randn(shape, generator=generator)
    noise_BTK = torch.randn(shape, generator=generator)
    shortest = options.words // 4 if options.ragged else options.words
    lengths_B = torch.randint(
        max(shortest, 1), options.words + 1, (options.batch,), generator=generator
    )
    mask_BT = torch.arange(options.words) < lengths_B.unsqueeze(1)
    tags_BT, _ = ours.viterbi(emissions_BTK + noise_BTK, mask_BT)
    return Problem(ours, peer, emissions_BTK.requires_grad_(), mask_BT, tags_BT)


def our_loss(problem: Problem) -> tuple[float, Tensor]:
    """Loss and gradient of the emissions; leaves the parameters' gradients behind."""
    allowed_BTK = nn.functional.one_hot(problem.tags_BT, problem.ours.labels.num_tags).bool()
    nll_B = problem.ours.negative_log_likelihood(
        problem.emissions_BTK, allowed_BTK, problem.mask_BT
    )
    return _backward(nll_B.sum(), problem, problem.ours)


def peer_loss(problem: Problem) -> tuple[float, Tensor]:
    """The same from pytorch-crf."""
    loss = -problem.peer(problem.emissions_BTK, problem.tags_BT, mask=problem.mask_BT)
    return _backward(loss, problem, problem.peer)


def _backward(loss: Tensor, problem: Problem, module: nn.Module) -> tuple[float, Tensor]:
    for tensor in (problem.emissions_BTK, *module.parameters()):
        tensor.grad = None
    loss.backward()
    grad_BTK = problem.emissions_BTK.grad
    assert grad_BTK is not None
    return loss.item(), grad_BTK


def our_paths(problem: Problem) -> list[list[int]]:
    """The best path of each row as a list of tags."""
    tags_BT, _ = problem.ours.viterbi(problem.emissions_BTK, problem.mask_BT)
    lengths = problem.mask_BT.sum(1).tolist()
    return [row[:length] for row, length in zip(tags_BT.tolist(), lengths, strict=True)]


def peer_paths(problem: Problem) -> list[list[int]]:
    """The same from pytorch-crf."""
    with torch.no_grad():
        paths: list[list[int]] = problem.peer.decode(problem.emissions_BTK, mask=problem.mask_BT)
    return paths


def alternate(
    ours: Callable[[Problem], Any], peer: Callable[[Problem], Any], problem: Problem, num_runs: int
) -> dict[str, dict[str, float]]:
    """Median milliseconds of each over `num_runs` alternating runs, and their ratio, by clock.

    The wall clock is what a user waits; the processor's (of all threads) is what it cost, and the
    steadier one where other programs share the machine.
    """
    clocks = {"wall": time.perf_counter, "processor": time.process_time}
    seconds: dict[tuple[str, str], list[float]] = defaultdict(list)
    for run in range(-WARM_UP_RUNS, num_runs):
        for name, call in (("ours", ours), ("peer", peer)):
            starts = {clock: read() for clock, read in clocks.items()}
            call(problem)
            for clock, read in clocks.items():
                if run >= 0:
                    seconds[clock, name].append(read() - starts[clock])
    result = {}
    for clock in clocks:
        own = 1e3 * statistics.median(seconds[clock, "ours"])
        theirs = 1e3 * statistics.median(seconds[clock, "peer"])
        result[clock] = {"ours_ms": own, "peer_ms": theirs, "times_slower": theirs / own}
    return result


def assert_equal(problem: Problem) -> None:
    """Losses and gradients agree to their tolerances, paths exactly."""
    loss, grad_BTK = our_loss(problem)
    loss_of_peer, grad_of_peer_BTK = peer_loss(problem)
    assert abs(loss - loss_of_peer) <= TOLERANCE * abs(loss_of_peer), (loss, loss_of_peer)
    grad_KK = problem.ours.transitions.grad
    assert grad_KK is not None
    for what, own, theirs in (
        ("emissions", grad_BTK, grad_of_peer_BTK),
        ("transitions", grad_KK, problem.peer.transitions.grad),
    ):
        gap = float((own - theirs).abs().max())
        assert gap <= GRADIENT_TOLERANCE, f"gradients of the {what} differ by {gap}"
    assert our_paths(problem) == peer_paths(problem), "Viterbi paths differ"


def main() -> None:
    """Run the comparison and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=32, help="rows (default: %(default)s)")
    parser.add_argument("--words", type=int, default=128, help="per row (default: %(default)s)")
    parser.add_argument("--types", type=int, default=9, help="2 x types + 1 tags (default: 9)")
    parser.add_argument("--ragged", action="store_true", help="rows of words/4 to words words")
    parser.add_argument("--runs", type=int, default=15, help="of each (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    problem = build(options)
    assert_equal(problem)
    result = {
        **{name: getattr(options, name) for name in ("batch", "words", "threads", "runs")},
        "tags": problem.ours.labels.num_tags,
        "loss": alternate(our_loss, peer_loss, problem, options.runs),
        "viterbi": alternate(our_paths, peer_paths, problem, options.runs),
    }
    if options.json:
        print(json.dumps(result))
        return
    print(
        f"batch {options.batch}, {options.words} words, {result['tags']} tags, "
        f"{options.threads} threads, median of {options.runs} runs"
    )
    for title, name in (("loss, forward and backward", "loss"), ("Viterbi", "viterbi")):
        for clock, figures in result[name].items():
            print(
                f"{title:26} {clock:9} time: ossamma {figures['ours_ms']:8.2f} ms   "
                f"pytorch-crf {figures['peer_ms']:8.2f} ms   {figures['times_slower']:5.1f} x"
            )
    print("losses, gradients and paths agree")


if __name__ == "__main__":
    main()
