"""A writer that is killed keeps what was committed and loses the rest; going on heals it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from ossamma.graph.stores.embedded import EmbeddedStore
from ossamma.graph.stores.memory import MemoryStore
from tests.graph.stores.test_stores import content
from tests.graph.writer import BATCHES, SETTINGS, batch


def graph_of(numbers):
    store = MemoryStore()
    for number in numbers:
        store.write(batch(number))
    return content(store)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_kill_9_keeps_the_committed_and_going_on_gives_the_whole(tmp_path, seed):
    chance = random.Random(seed)
    path = tmp_path / "graph.lbug"
    arguments = [sys.executable, "-m", "tests.graph.writer", str(path)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env=os.environ) as writer:
        for _ in range(chance.randrange(1, BATCHES)):
            said = writer.stdout.readline()
        time.sleep(chance.random() / 4)  # somewhere inside of the next batch
        writer.send_signal(signal.SIGKILL)
        rest = writer.stdout.read().split()
    committed = int(rest[-1] if rest else said) + 1
    store = EmbeddedStore(path, SETTINGS)
    # The one after the last that was heard of may be on the disk as well: whole, or not at all.
    assert content(store) in [graph_of(range(committed)), graph_of(range(committed + 1))]
    for number in range(BATCHES):
        store.write(batch(number))
    assert content(store) == graph_of(range(BATCHES))
    store.close()
