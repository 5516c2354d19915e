"""The server as a process: it answers as offline, drains, loads anew, dies and comes back."""

from __future__ import annotations

import json
import shutil
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from ossamma.export.bundle import load
from ossamma.schema.errors import UnavailableError
from ossamma.serving.access import Role, new_key
from ossamma.serving.client import Client, ClientSettings
from tests.serving.processes import TEXTS, server, start, write_bundle

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return write_bundle(tmp_path_factory.mktemp("bundle") / "bundle")


@pytest.fixture(scope="module")
def known(bundle):
    """What every text is answered offline."""
    recogniser = load(bundle)
    return {text: recogniser.recognise([text])[0] for text in TEXTS}


def assert_known(found, known):
    """Equal to rounding: company in a batch decides how sums are blocked."""
    assert [(e.start, e.end, e.label, e.text) for e in found] == [
        (e.start, e.end, e.label, e.text) for e in known
    ]
    assert [e.confidence for e in found] == pytest.approx([e.confidence for e in known], abs=1e-4)


def test_answers_are_those_of_the_recogniser(bundle, known, tmp_path):
    assert sum(map(len, known.values())) > 10, "the model finds something"
    with server(tmp_path, "--bundle", str(bundle)) as running:

        def ask(number: int) -> None:
            text = TEXTS[number % len(TEXTS)]
            with Client(running.url) as client:
                assert_known(client.extract([text])[0], known[text])
                assert_known(client.predict([text])[0].entities, known[text])
                assert_known(list(client.stream(text)), known[text])

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(ask, range(40)))
        running.send(signal.SIGTERM)
        assert running.process.wait(60) == 0
    for line in running.lines():
        json.loads(line)
    assert not any("Lovelace" in line for line in running.lines())


def test_sigterm_answers_what_was_accepted(bundle, tmp_path):
    """Whoever came too late is told, or finds the door closed; nobody is cut off."""
    text = "\n".join(TEXTS * 200)
    with server(tmp_path, "--bundle", str(bundle), "--queue-seconds", "100") as running:

        def ask(_: int) -> list | None:
            try:
                with Client(running.url, ClientSettings(retries=0)) as client:
                    return client.extract([text])[0]
            except (UnavailableError, httpx.ConnectError):
                return None

        with ThreadPoolExecutor(6) as pool:
            asked = [pool.submit(ask, number) for number in range(6)]
            end = time.monotonic() + 60
            while 'queue_requests{model="default"} 0' in httpx.get(f"{running.url}/metrics").text:
                assert time.monotonic() < end, "one is accepted"
            running.send(signal.SIGTERM)
            found = [each.result() for each in asked]
        assert running.process.wait(60) == 0
    expected = load(bundle).recognise([text])[0]
    answered = [each for each in found if each is not None]
    assert answered
    for each in answered:
        assert_known(each, expected)


def test_sighup_loads_anew_without_losing_a_request(bundle, tmp_path):
    folder = shutil.copytree(bundle, tmp_path / "bundle")
    other = write_bundle(tmp_path / "other", seed=1)
    answers = [[load(each).recognise([TEXTS[0]])[0]] for each in (folder, other)]
    spans = [[(e.start, e.end, e.label) for e in found] for [found] in answers]
    assert spans[0] != spans[1], "the two models can be told apart"
    seen = set()
    is_over = threading.Event()
    with server(tmp_path, "--bundle", str(folder)) as running:

        def ask(_: int) -> None:
            with Client(running.url, ClientSettings(retries=0)) as client:
                while not is_over.is_set():
                    found = [(e.start, e.end, e.label) for e in client.extract([TEXTS[0]])[0]]
                    assert found in spans
                    seen.add(spans.index(found))

        with ThreadPoolExecutor(4) as pool:
            asking = [pool.submit(ask, number) for number in range(4)]
            end = time.monotonic() + 60
            while not seen and time.monotonic() < end:
                time.sleep(0.01)
            folder.rename(tmp_path / "old")
            other.rename(folder)
            running.send(signal.SIGHUP)
            end = time.monotonic() + 60
            while 1 not in seen and time.monotonic() < end:
                time.sleep(0.05)
            is_over.set()
            for each in asking:
                each.result()
    assert seen == {0, 1}


def test_kill_under_load_loses_no_acknowledged_answer(bundle, known, tmp_path):
    """What was answered was whole and right; what was not is answered by the next process."""
    todo = [TEXTS[number % len(TEXTS)] for number in range(200)]
    done: dict[int, list] = {}
    with server(tmp_path, "--bundle", str(bundle)) as running:
        port = int(running.url.rpartition(":")[2])

        def ask(number: int) -> None:
            end = time.monotonic() + 120
            while number not in done and time.monotonic() < end:
                try:
                    with Client(running.url) as client:
                        [done[number]] = client.extract([todo[number]])
                except httpx.TransportError:
                    time.sleep(0.1)

        with ThreadPoolExecutor(8) as pool:
            asked = [pool.submit(ask, number) for number in range(len(todo))]
            while len(done) < 40:
                time.sleep(0.005)
            running.process.kill()
            running.process.wait()
            before = dict(done)
            assert len(before) < len(todo), "it was killed in the middle"
            with server(tmp_path, "--bundle", str(bundle), port=port):
                for each in asked:
                    each.result()
    assert len(done) == len(todo)
    for number, found in done.items():
        assert_known(found, known[todo[number]])


@pytest.mark.parametrize("damage", ["weights", "calibration", "missing"])
def test_a_damaged_bundle_is_never_served(bundle, tmp_path, damage):
    folder = shutil.copytree(bundle, tmp_path / "bundle")
    if damage == "missing":
        (folder / "tokenizer.json").unlink()
    elif damage == "weights":
        content = bytearray((folder / "model.safetensors").read_bytes())
        content[-1] ^= 1
        (folder / "model.safetensors").write_bytes(content)
    else:
        (folder / "calibration.json").write_text("{}", encoding="utf-8")
    process = start(tmp_path, "--bundle", str(folder))
    assert process.wait(120) == 2
    log = (tmp_path / "log").read_text(encoding="utf-8")
    assert "error: " in log
    assert not any('"ready"' in line for line in log.splitlines())


def test_draining_says_so_before_the_door_closes(bundle, tmp_path):
    with server(tmp_path, "--bundle", str(bundle), "--drain", "3") as running:
        running.send(signal.SIGTERM)
        end = time.monotonic() + 2
        while (ready := httpx.get(f"{running.url}/ready")).status_code == 200:
            assert time.monotonic() < end
        assert ready.status_code == 503
        with Client(running.url) as client:
            assert len(client.extract(list(TEXTS))) == len(TEXTS)
        assert running.process.wait(60) == 0


def test_keys_are_asked_for_and_reload_needs_an_admin(bundle, tmp_path):
    key, kept = new_key("root", Role.ADMIN)
    (tmp_path / "keys").write_text(kept.line + "\n", encoding="utf-8")
    with server(tmp_path, "--bundle", f"a={bundle}", "--keys", str(tmp_path / "keys")) as running:
        assert httpx.post(f"{running.url}/ner", json={"text": "Ada"}).status_code == 401
        answer = httpx.post(f"{running.url}/admin/reload", headers={"x-api-key": key})
        assert answer.json() == {"models": {"a": ""}}
        with Client(running.url, ClientSettings(key=key)) as client:
            assert client.info()["name"] == "a"


def test_a_port_that_is_taken_is_told(bundle, tmp_path):
    with server(tmp_path, "--bundle", str(bundle)) as running:
        port = int(running.url.rpartition(":")[2])
        other = tmp_path / "other"
        other.mkdir()
        process = start(other, "--bundle", str(bundle), port=port)
        assert process.wait(120) == 2
        assert f"cannot listen on 127.0.0.1:{port}" in (other / "log").read_text(encoding="utf-8")
