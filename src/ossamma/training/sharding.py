"""Fully sharded data parallelism: each process holds a part of every weight (PyTorch's FSDP2).

Zhao et al. 2023, "PyTorch FSDP". A block is gathered when it is needed and let go afterwards. What
is saved is whole tensors, the same as without sharding: a checkpoint fits any number of processes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from ossamma.model.block import OssammaBlock


class Sharded(nn.Module):
    """A sharded model as the Trainer wants to see it: under autocast, with `no_sync`."""

    def __init__(self, model: nn.Module, autocast: torch.autocast) -> None:
        super().__init__()
        self.module = model
        self._autocast = autocast

    def forward(self, **inputs: Tensor) -> Any:  # noqa: ANN401  what the model returns
        """Run the model."""
        with self._autocast:
            return self.module(**inputs)

    @contextmanager
    def no_sync(self) -> Iterator[None]:
        """Add gradients up without summing them over the processes, for all but a step's last."""
        assert isinstance(self.module, FSDPModule)
        self.module.set_requires_gradient_sync(False)
        try:
            yield
        finally:
            self.module.set_requires_gradient_sync(True)


def shard(model: nn.Module, device: torch.device) -> None:
    """Shard a model in place over all processes: each block by itself, and the rest as one."""
    mesh = init_device_mesh(device.type, (dist.get_world_size(),))
    for module in model.modules():
        if isinstance(module, OssammaBlock):
            fully_shard(module, mesh=mesh)
    fully_shard(model, mesh=mesh)


def whole(content: Any) -> Any:  # noqa: ANN401  a tree of a state dict, and the same
    """Return a tree with every sharded tensor gathered, on the CPU; all processes must call it."""
    if isinstance(content, DTensor):
        return content.full_tensor().detach().cpu()
    if isinstance(content, Mapping):
        return {key: whole(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return type(content)(whole(value) for value in content)
    return content


@torch.no_grad()
def load_whole(model: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Give each process its part of a model's whole weights."""
    tensors = dict([*model.named_parameters(), *model.named_buffers()])
    for name, tensor in tensors.items():
        if name in state:
            tensor.copy_(part_like(tensor, state[name]))


def shard_state(optimizer: torch.optim.Optimizer) -> None:
    """Keep each process's part of a state that was loaded whole."""
    for parameter, state in optimizer.state.items():
        for name, value in state.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape:
                state[name] = part_like(parameter, value)


def part_like(tensor: Tensor, value: Tensor) -> Tensor:
    """Return a whole value sharded as a tensor is; as it is where nothing is sharded."""
    value = value.to(tensor.device)
    if not isinstance(tensor, DTensor) or isinstance(value, DTensor):
        return value
    return distribute_tensor(value, tensor.device_mesh, tensor.placements)
