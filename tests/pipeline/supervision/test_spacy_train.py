"""Whatever happens to the training process, the run ends in the right state and says so."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import spacy

from ossamma.data.writers.docbin import DocBinOutput, write_docbin
from ossamma.pipeline.spacy_config import SpacyConfigRequest, write_spacy_config
from ossamma.pipeline.supervision.spacy_train import (
    MANIFEST,
    SpacyTrainRequest,
    train_spacy,
)
from ossamma.pipeline.supervision.watch import WatchSettings
from ossamma.schema.errors import (
    CheckpointError,
    ConfigurationError,
    DataError,
    TrainingError,
)
from ossamma.tokenization.words import split_words
from tests import tiny

# Apprise's own imports are not of our making.
apprise_warns = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
FAKE = Path(__file__).with_name("fake_trainer.py")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inputs")
    settings = DocBinOutput(split_words=split_words)
    for seed, (name, size) in enumerate({"train": 300, "dev": 40}.items()):
        write_docbin(folder / f"{name}.spacy", tiny.documents(size, seed, name), settings)
    write_spacy_config(SpacyConfigRequest(profile="ner11", out=folder / "config.cfg", cpu=True))
    nlp = spacy.blank("en")
    nlp.config["training"]["logger"] = {"@loggers": "spacy.ConsoleLogger.v1"}
    nlp.to_disk(folder / "model")
    return folder


@pytest.fixture
def train(inputs, tmp_path):
    """Train with the stand-in, which does what the words say, one for each attempt."""

    def run(*words, said=None, **changes):
        plan = tmp_path / "plan"
        plan.write_text(" ".join(words), encoding="utf-8")
        given = {
            "config": inputs / "config.cfg",
            "train": inputs / "train.spacy",
            "dev": inputs / "dev.spacy",
            "out": tmp_path / "models" / "m",
            "dry_run": False,
            "trainer": (sys.executable, str(FAKE), str(plan), str(inputs / "model")),
        }
        request = SpacyTrainRequest(**given | changes)
        return train_spacy(request, say=(said if said is not None else []).append)

    run.out = tmp_path / "models" / "m"
    return run


def manifest(run):
    return json.loads((run / MANIFEST).read_text(encoding="utf-8"))


def test_a_run_that_succeeds_has_its_models_and_says_how_good(train):
    said = []
    outcome = train("ok", said=said)
    assert outcome.run.name == "m_v1"
    assert outcome.score == 0.6
    content = manifest(outcome.run)
    assert (content["status"], content["score"]) == ("finished", 0.6)
    assert content["attempts"][0]["steps"] == 40
    assert content["gpu"] == {"absent": "the run is on the CPU"}
    assert set(content["inputs"]) == {"config", "train", "dev"}
    for name in ("model-best", "model-last"):
        logger = spacy.load(outcome.run / name).config["training"]["logger"]
        assert logger["@loggers"] == "spacy.ConsoleLogger.v1"
        assert not (outcome.run / "attempts" / "01" / name).exists()
    assert sum("dev 0." in line for line in said) == 4


def test_no_version_is_written_twice(train):
    first = train("ok").run
    before = manifest(first)
    assert train("ok").run.name == "m_v2"
    assert manifest(first) == before


def test_out_of_memory_divides_the_batches_and_goes_on(train):
    outcome = train("oom", "oom", "ok")
    attempts = manifest(outcome.run)["attempts"]
    assert [a["ending"] for a in attempts] == ["out of memory", "out of memory", "finished"]
    assert [a["accumulate"] for a in attempts] == [1, 2, 4]
    assert [a["steps_before"] for a in attempts] == [0, 26, 52]
    config = (outcome.run / "attempts" / "02" / "config.cfg").read_text(encoding="utf-8")
    assert f'source = "{outcome.run}/attempts/01/model-last"' in config
    assert "accumulate_gradient = 2" in config
    assert any("out of memory" in note for note in outcome.notes)


def test_after_enough_divisions_it_gives_up(train):
    with pytest.raises(TrainingError, match="out of memory: torch"):
        train("oom", "oom", "oom", backoffs=2)
    content = manifest(train.out.with_name("m_v1"))
    assert (content["status"], len(content["attempts"])) == ("failed", 3)
    assert not train.out.with_name("m_v1").joinpath("model-best").exists()


@pytest.mark.parametrize(
    ("word", "ending", "message"),
    [
        ("nan", "diverged", "ner is nan"),
        ("disk", "disk full", "make room"),
        ("crash", "crashed", "E955"),
        ("kill", "killed", "signal 9"),
        ("hang", "stalled", "no step for"),
    ],
)
def test_every_other_end_is_a_failure_with_its_reason(train, word, ending, message):
    with pytest.raises(TrainingError, match=message):
        train(word, watch=WatchSettings(stall_seconds=3.0))
    content = manifest(train.out.with_name("m_v1"))
    assert content["status"] == "failed"
    assert message in content["reason"]
    assert content["attempts"][-1]["ending"] == ending


def test_a_model_that_learnt_nothing_is_no_success(train):
    with pytest.raises(TrainingError, match="no model scores above 0"):
        train("nothing")
    assert manifest(train.out.with_name("m_v1"))["status"] == "failed"


def test_resume_goes_on_from_what_is_on_the_disk(train):
    with pytest.raises(TrainingError):
        train("kill")
    run = train.out.with_name("m_v1")
    shutil.rmtree(run / "attempts" / "01" / "model-last" / "vocab")
    (run / "attempts" / "01" / "model-last" / "config.cfg").write_text("[torn", encoding="utf-8")
    said = []
    outcome = train("ok", resume=True, said=said)
    assert outcome.run == run
    attempts = manifest(run)["attempts"]
    assert [a["ending"] for a in attempts] == ["killed", "finished"]
    assert attempts[1]["steps_before"] == 21  # the best was saved at step 20
    assert any("model-last cannot be read" in line for line in said)
    with pytest.raises(CheckpointError, match="is finished"):
        train("ok", resume=True)


def test_resume_refuses_another_run_and_none(train, inputs, tmp_path):
    with pytest.raises(CheckpointError, match="no run"):
        train("ok", resume=True)
    with pytest.raises(TrainingError):
        train("crash")
    with pytest.raises(CheckpointError, match="other data"):
        train("ok", resume=True, train=inputs / "dev.spacy", dev=inputs / "train.spacy")


def test_the_dry_run_divides_batches_before_the_first_real_step(train):
    outcome = train("oom", "ok", "ok", dry_run=True)
    content = manifest(outcome.run)
    assert [a["accumulate"] for a in content["attempts"]] == [2]
    assert any(note.startswith("dry run: 20 steps") for note in content["notes"])
    sample = outcome.run / "attempts" / "00-dry"
    assert (sample / "train.spacy").is_file()
    assert not (sample / "model-last").exists()


def test_preflight_refuses_before_anything_is_made(train, inputs, tmp_path):
    with pytest.raises(DataError, match="the same"):
        train("ok", dev=inputs / "train.spacy")
    with pytest.raises(DataError):
        train("ok", train=tmp_path / "nowhere.spacy")
    (tmp_path / "bad.cfg").write_text("[nlp]\nlang = 1", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="complete spaCy training configuration"):
        train("ok", config=tmp_path / "bad.cfg")
    with pytest.raises(ConfigurationError, match="no CUDA device"):
        train("ok", gpu=0)
    empty = write_docbin(
        tmp_path / "empty.spacy",
        [d for d in tiny.documents(40, 1) if not d.annotations] or [tiny.Document("x", "no names")],
        DocBinOutput(split_words=split_words),
    )
    with pytest.raises(DataError, match="expected entities"):
        train("ok", dev=empty.files[0])
    assert not train.out.parent.exists()


@pytest.fixture
def hook():
    """A webhook on this machine; the list of what it was sent."""
    seen = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            length = int(self.headers["Content-Length"])
            seen.append(json.loads(self.rfile.read(length)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    seen_at = f"json://127.0.0.1:{server.server_port}/"
    yield seen_at, seen
    server.shutdown()
    thread.join()
    server.server_close()


@apprise_warns
def test_people_are_told_of_both_ends_and_a_dead_notifier_changes_nothing(train, hook):
    url, seen = hook
    train("ok", notify=(url,))
    with pytest.raises(TrainingError):
        train("crash", notify=(url,))
    assert [row["title"] for row in seen] == ["m: finished", "m: failed"]
    assert "0.6000" in seen[0]["message"]
    assert "E955" in seen[1]["message"]
    said = []
    outcome = train("ok", notify=("json://127.0.0.1:9/",), said=said)
    assert manifest(outcome.run)["status"] == "finished"
    assert any("warning: the notification" in line for line in said)


@apprise_warns
def test_an_unknown_address_is_refused_at_once_and_keeps_its_secret(train):
    with pytest.raises(ConfigurationError, match=r"nothing://\.\.\.") as fault:
        train("ok", notify=("nothing://secret@host",))
    assert "secret" not in str(fault.value)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ended_from_outside_it_ends_its_child_and_says_so(inputs, tmp_path, number):
    plan = tmp_path / "plan"
    plan.write_text("hang", encoding="utf-8")
    trainer = [sys.executable, str(FAKE), str(plan), str(inputs / "model")]
    code = (
        "import sys, signal; from pathlib import Path\n"
        "from ossamma.pipeline.supervision.spacy_train import SpacyTrainRequest, train_spacy\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))\n"
        f"i = Path({str(inputs)!r})\n"
        "train_spacy(SpacyTrainRequest(config=i / 'config.cfg', train=i / 'train.spacy', "
        f"dev=i / 'dev.spacy', out=Path({str(tmp_path / 'm')!r}), dry_run=False, "
        f"trainer={tuple(trainer)!r}))"
    )
    supervisor = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    run = tmp_path / "m_v1"
    limit = time.monotonic() + 200
    while time.monotonic() < limit and not (run / "attempts/01/model-best").exists():
        time.sleep(0.2)
    child = manifest(run)["process"]["child"]
    supervisor.send_signal(number)
    assert supervisor.wait(60) in {143, -signal.SIGINT}
    assert manifest(run)["status"] == "interrupted"
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
