"""A password is used, and told to nobody: whatever is logged, and whatever goes wrong."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import subprocess
import sys
from dataclasses import replace

import pytest

from ossamma.graph.stores.memory import MemoryStore
from ossamma.schema.errors import StreamError
from tests.ingestion.streaming import streamer
from tests.ingestion.streaming.servers import server_or_skip

SECRET = "hunter2%2Fsesame"
PLAIN = "hunter2/sesame"

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(params=["nats", "redis"])
def server(request, tmp_path):
    folder = tmp_path / "server"
    folder.mkdir()
    made = server_or_skip(request.param, folder, password=PLAIN)
    yield made
    made.stop()


def user(server, secret):
    return f"{'' if server.scheme == 'redis' else 'bob'}:{secret}@"


def run(url, tmp_path, **settings):
    sized = replace(streamer.SETTINGS, **settings)
    sink = streamer.sink_of(MemoryStore())
    return asyncio.run(
        streamer.stream(url, sink, tmp_path / "s", settings=sized, until_idle=0.3)
    )  # fmt: skip


def test_nothing_that_is_logged_has_the_password(server, tmp_path, caplog):
    url = server.url("texts", user=user(server, SECRET))
    with caplog.at_level(logging.DEBUG):
        streamer.send(url, streamer.message(1), b"{")
        assert run(url, tmp_path).written == 1
        server.stop()
        with pytest.raises(StreamError) as caught:
            run(url, tmp_path, patience_seconds=1.0)
    assert caplog.records
    for text in (caplog.text, str(caught.value)):
        assert PLAIN not in text
        assert SECRET not in text


# The library of NATS forgets to close a connection that the server refused.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_wrong_password_is_told_at_once_without_it(server, tmp_path, caplog):
    url = server.url("texts", user=user(server, "mellon"))
    with caplog.at_level(logging.DEBUG), pytest.raises(StreamError) as caught:
        run(url, tmp_path)
    assert "mellon" not in caplog.text + str(caught.value)
    assert "auth" in str(caught.value).lower() or "wrongpass" in str(caught.value).lower()
    caught = None
    gc.collect()  # here, and not in the middle of another test


@pytest.mark.slow
@pytest.mark.parametrize("server", ["redis"], indirect=True)
def test_the_verb_ends_with_2_and_tells_no_secret(server, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "ossamma.cli.app", "stream", "--to", str(tmp_path / "out.jsonl")],
        env=os.environ | {
            "OSSAMMA_STREAM_FROM": server.url("texts"), "OSSAMMA_BROKER_USERNAME": "default",
            "OSSAMMA_BROKER_PASSWORD": "mellon", "OMP_NUM_THREADS": "1",
        },
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "refused us" in done.stderr
    assert "mellon" not in done.stdout + done.stderr
