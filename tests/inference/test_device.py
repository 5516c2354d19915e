"""A device is told by its name, and one that is not there is refused before anything is loaded."""

from __future__ import annotations

import pytest
import torch

from ossamma.inference.device import device_of
from ossamma.schema.errors import ConfigurationError


def test_the_cpu_is_everywhere():
    assert device_of("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name", ["", "gpu", "CPU", "cuda:", "cuda:x", "cuda:-1", "meta", "cpu\n"])
def test_other_names_are_refused(name):
    with pytest.raises(ConfigurationError, match="cpu, cuda or cuda:N"):
        device_of(name)


def test_a_gpu_that_is_not_there_is_refused():
    number = torch.cuda.device_count()
    with pytest.raises(ConfigurationError, match=f"sees {number} GPUs"):
        device_of(f"cuda:{number}")


@pytest.mark.gpu
def test_a_gpu_that_is_there_is_taken():
    assert device_of("cuda:0").type == "cuda"
