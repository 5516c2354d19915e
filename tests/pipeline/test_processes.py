"""A process is gone only if this machine can tell."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

from ossamma.pipeline.processes import is_gone, own_process

pytestmark = pytest.mark.skipif(os.name != "posix", reason="processes are asked by signal 0")


def test_this_process_lives():
    own = own_process()
    assert own == {"host": platform.node(), "process": os.getpid()}
    assert not is_gone(**own)


def test_a_process_that_has_ended_is_gone():
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    assert is_gone(platform.node(), ended.pid)
    assert not is_gone("another-machine", ended.pid)


@pytest.mark.parametrize(("host", "process"), [(None, None), (platform.node(), "12"), (1, 1)])
def test_what_is_not_known_is_not_gone(host, process):
    assert not is_gone(host, process)


def test_a_process_of_another_user_lives():
    assert not is_gone(platform.node(), 1)
