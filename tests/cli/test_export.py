"""`ossamma export` writes a release, or says why not in words and by its exit code."""

from __future__ import annotations

import json
import shutil

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from ossamma.export.bundle import load
from ossamma.export.manifest import verify
from ossamma.pipeline.export_checks import F1Check

TEXT = "Ada Lovelace waited in Oslo . Alan Turing slept in New York ."


def test_people_see_what_it_costs(ossamma, trained, tmp_path):
    result = ossamma(
        "export", trained.request.out, "--out", "r", "--weights", "int8", "--max-f1-drop", "100"
    )
    assert result.exit_code == 0, result.stderr
    assert "dev F1:" in result.stdout
    assert "weights: int8" in result.stdout
    assert load(tmp_path / "r").recognise([TEXT])
    assert verify(tmp_path / "r")["weights"] == "int8"


def test_json_is_the_outcome(ossamma, trained):
    result = ossamma("export", trained.outcome.bundle, "--out", "r", "--json")
    assert result.exit_code == 0, result.stderr
    content = json.loads(result.stdout)
    assert (content["bundle"], content["weights"], content["refusals"]) == ("r", "fp32", [])
    assert content["f1"]["trained"] == content["f1"]["released"]


def test_a_refusal_exits_with_one(ossamma, trained, tmp_path, monkeypatch):
    monkeypatch.setattr(F1Check, "passed", False)
    result = ossamma("export", trained.request.out, "--out", "r")
    assert result.exit_code == 1
    assert "refused: dev F1 falls by" in result.stdout
    assert not (tmp_path / "r").exists()


def test_what_exists_is_not_replaced(ossamma, trained, tmp_path):
    (tmp_path / "r").mkdir()
    result = ossamma("export", trained.request.out, "--out", "r")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "expected a new folder" in result.stderr


GATES = """
gates:
  - name: it runs
    source: the house
    metric: f1
    average: micro
    operator: ">="
    threshold: {threshold}
    min_support: 1
    max_width: 1
"""


@pytest.fixture
def report(ossamma, trained):
    """A report of the run that is released."""
    result = ossamma(
        "evaluate", "--bundle", trained.request.out, "--gold", trained.request.dev, "--out", "rep"
    )
    assert result.exit_code == 0, result.stderr
    return "rep/report.json"


@pytest.mark.parametrize(("threshold", "code"), [(0.0, 0), (0.9999, 1)])
def test_gates_decide(ossamma, trained, report, tmp_path, threshold, code):
    (tmp_path / "gates.yaml").write_text(GATES.format(threshold=threshold))
    result = ossamma(
        "export", trained.request.out, "--out", "r", "--report", report, "--gates", "gates.yaml"
    )
    assert result.exit_code == code, result.stdout + result.stderr
    assert (tmp_path / "r").exists() == (code == 0)
    if code:
        assert "refused: 1 of 1 gates failed: it runs" in result.stdout
    else:
        verdicts = json.loads((tmp_path / "r" / "gates.json").read_text())
        assert verdicts["outcome"] == "passed"
        assert "gates.json" in (tmp_path / "r" / "README.md").read_text()


def test_a_report_of_another_model_is_refused(ossamma, trained, report, tmp_path):
    path = tmp_path / report
    content = json.loads(path.read_text())
    content["system"]["checksum"] = "0" * 64
    path.write_text(json.dumps(content))
    result = ossamma("export", trained.request.out, "--out", "r", "--report", report)
    assert result.exit_code == 2
    assert "expected a report of the model that is released" in result.stderr


def test_gates_without_a_report_are_refused(ossamma, trained):
    result = ossamma("export", trained.request.out, "--out", "r", "--gates", "gates.yaml")
    assert result.exit_code == 2
    assert "need --report" in result.stderr


def test_a_signature_is_asked_for_with_info(ossamma, trained, tmp_path):
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    pem = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "key.pem").write_bytes(key.private_bytes(*pem))
    for name, public in (("public", key), ("other", Ed25519PrivateKey.generate())):
        data = public.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        (tmp_path / f"{name}.pem").write_bytes(data)
    result = ossamma("export", trained.request.out, "--out", "r", "--sign", "key.pem")
    assert result.exit_code == 0, result.stderr
    result = ossamma("info", "r", "--verify-key", "public.pem")
    assert result.exit_code == 0, result.stderr
    assert "weights in fp32; signed" in result.stdout
    result = ossamma("info", "r", "--verify-key", "other.pem")
    assert result.exit_code == 2
    assert "not of this key" in result.stderr


def test_a_key_that_is_none_is_refused_before_the_work(ossamma, tmp_path):
    (tmp_path / "key.pem").write_text("nonsense")
    result = ossamma("export", "nowhere", "--out", "r", "--sign", "key.pem")
    assert result.exit_code == 2
    assert "openssl genpkey" in result.stderr


def test_the_card_says_what_it_is_told(ossamma, trained, tmp_path):
    result = ossamma(
        *("export", trained.request.out, "--out", "r", "--name", "acme/ner"),
        *("--licence", "mit", "--language", "en", "--language", "no"),
    )
    assert result.exit_code == 0, result.stderr
    card = (tmp_path / "r" / "README.md").read_text()
    for line in ("license: mit", "- en", "- 'no'", "# acme/ner"):
        assert f"{line}\n" in card


@pytest.mark.slow
def test_a_graph_goes_in_and_is_compared(ossamma, trained, tmp_path):
    result = ossamma("export", trained.request.out, "--out", "r", "--onnx", "--json")
    assert result.exit_code == 0, result.stderr
    graph = json.loads(result.stdout)["onnx"]
    assert (graph["form"], graph["parity"]["different"], graph["f1_check"]) == ("fp32", 0, None)
    assert verify(tmp_path / "r")["onnx"] == graph
    assert load(tmp_path / "r", backend="onnx").scorer.backend == "onnx"
    assert load(tmp_path / "r").scorer.backend == "torch"
    again = ossamma("export", "r", "--out", "s", "--json")
    assert again.exit_code == 0, again.stderr
    assert not (tmp_path / "s" / "model.onnx").exists()


@pytest.mark.slow
def test_an_int8_graph_needs_a_dev_file(ossamma, trained, tmp_path):
    result = ossamma("export", trained.outcome.bundle, "--out", "r", "--onnx-int8", "--json")
    measured = json.loads(result.stdout)
    assert measured["onnx"]["f1_check"]["documents"] == 8
    alone = shutil.copytree(trained.outcome.bundle, tmp_path / "alone")
    result = ossamma("export", alone, "--out", "s", "--onnx-int8")
    assert result.exit_code == 1
    assert "give --dev FILE" in result.stdout
    assert not (tmp_path / "s").exists()


def test_two_graphs_are_one_too_many(ossamma, trained):
    result = ossamma("export", trained.request.out, "--out", "r", "--onnx", "--onnx-int8")
    assert result.exit_code == 2
    assert "exclude each other" in result.stderr
