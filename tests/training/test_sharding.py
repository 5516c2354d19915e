"""Shards of a model: two processes over gloo have the loss and the gradients of one."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import textwrap

import pytest

pytestmark = pytest.mark.slow

WORKER = """
    import sys
    from copy import deepcopy

    import torch
    import torch.distributed as dist

    from ossamma.model.configuration import OssammaConfig
    from ossamma.model.modeling import OssammaForMaskedDiffusion
    from ossamma.training.sharding import Sharded, load_whole, shard, shard_state, whole

    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    rank = dist.get_rank()
    torch.manual_seed(0)
    one = OssammaForMaskedDiffusion(OssammaConfig(
        vocab_size=61, hidden_size=24, num_hidden_layers=2, num_attention_heads=3,
        num_oscillators=10, time_dimension=7, dropout=0.0,
    ))
    parts = deepcopy(one)
    shard(parts, torch.device("cpu"))
    wrapped = Sharded(parts, torch.autocast("cpu", torch.bfloat16, enabled=False))
    optimizers = [torch.optim.AdamW(m.parameters(), lr=1e-2, fused=True) for m in (one, parts)]

    def batch(number):
        generator = torch.Generator().manual_seed(number)
        ids_BT = torch.randint(5, 61, (3, 9 + number), generator=generator)
        labels_BT = ids_BT.where(torch.rand(ids_BT.shape, generator=generator) < 0.5, -100)
        return {"input_ids": ids_BT.where(labels_BT < 0, 4), "labels": labels_BT,
                "weights": torch.tensor([0.1, 0.2, 0.3]), "time": torch.tensor([0.3, 0.5, 0.7])}

    def close(left, right):
        torch.testing.assert_close(left, right, rtol=1e-4, atol=1e-6)

    def step(number):
        # Four batches: two in a row for each process.
        batches = [batch(4 * number + k) for k in range(4)]
        expected = [one(**each).loss for each in batches]
        (sum(expected) / 2).backward()
        own = (batches[rank], batches[2 + rank])
        with wrapped.no_sync():
            first = wrapped(**own[0]).loss
            first.backward()
        second = wrapped(**own[1]).loss
        second.backward()
        close(first, expected[rank])
        close(second, expected[2 + rank])
        norms = [torch.nn.utils.clip_grad_norm_(m.parameters(), 0.1) for m in (one, parts)]
        close(whole(norms[1]), norms[0])
        grads = {name: p.grad for name, p in one.named_parameters()}
        for name, p in parts.named_parameters():
            close(whole(p.grad), grads[name])
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()

    for number in range(3):
        step(number)
    held = sum(p.to_local().numel() for p in parts.parameters())
    assert held < 0.6 * sum(p.numel() for p in one.parameters())
    # A checkpoint of the whole model can be taken up by shards, and the other way round.
    states = [whole(optimizer.state_dict()) for optimizer in optimizers]
    for left, right in zip(states[0]["state"].values(), states[1]["state"].values(), strict=True):
        for name in left:
            close(left[name], right[name])
    weights = whole(parts.state_dict())
    optimizers[0].load_state_dict(states[1])
    load_whole(parts, one.state_dict())
    one.load_state_dict(weights)
    optimizers[1].load_state_dict(states[0])
    shard_state(optimizers[1])
    step(3)
    print("equal on process", rank)
    dist.destroy_process_group()
"""


def under_torchrun(arguments, folder):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    result = subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2"),
            *("--master-addr=127.0.0.1", f"--master-port={port}", *arguments),
        ],
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-4000:]
    return result.stdout


def test_two_processes_have_the_loss_gradients_and_steps_of_one(tmp_path):
    (tmp_path / "worker.py").write_text(textwrap.dedent(WORKER))
    said = under_torchrun(["worker.py"], tmp_path)
    assert said.count("equal on process") == 2
