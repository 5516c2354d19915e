"""The ONNX graph finds what the model finds, at lengths that it was not made with."""

from __future__ import annotations

import re

import pytest
import torch

from ossamma.export.bundle import load, save_bundle
from ossamma.export.golden import golden_file, golden_texts, record_goldens
from ossamma.export.manifest import GOLDEN_FILE, ONNX_FILE, ONNX_GOLDEN_FILE
from ossamma.export.onnx_graph import export_graph, quantise_graph
from ossamma.export.parity import Parity, compare, random_texts
from ossamma.export.release import ReleaseContent, as_released, write_release
from ossamma.inference.onnx_scorer import OnnxScorer
from ossamma.inference.recogniser import OssammaRecogniser
from ossamma.inference.scorers import Backend
from ossamma.inference.settings import InferenceSettings
from ossamma.schema.errors import BundleError, ConfigurationError
from tests import tiny

FACTS = {"checkpoint_epoch": 3.0, "val_f1": 0.5, "profile": "native"}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def graph():
    return export_graph(tiny.recogniser().model)


def with_graph(graph, **settings):
    plain = tiny.recogniser()
    return OssammaRecogniser(
        plain.model, plain.tokenizer, InferenceSettings(**settings), scorer=OnnxScorer(graph)
    )


def test_random_texts_of_any_length_and_number_give_the_same(graph):
    parity = compare(tiny.recogniser(), with_graph(graph), random_texts(200, 3))
    assert parity.passed, parity
    assert 0.0 < parity.greatest < 1e-5


def test_each_text_alone_gives_the_same(graph):
    other = with_graph(graph)
    for text in random_texts(20, 4):
        assert compare(tiny.recogniser(), other, [text]).passed


def test_int8_is_smaller_and_nearly_the_same(graph):
    small = quantise_graph(graph)
    assert len(small) < len(graph)
    parity = compare(tiny.recogniser(), with_graph(small), random_texts(50, 5))
    assert parity.greatest > 0.0
    assert parity.different < 25


def test_the_graph_names_nothing_of_this_machine(graph):
    assert not re.search(rb"/(home|root|work|usr|tmp)/", graph)


def test_a_window_beyond_the_graphs_length_is_refused_in_words(graph):
    recogniser = with_graph(graph, window_pieces=5_000, batch_pieces=10_000)
    with pytest.raises(ConfigurationError, match=r"at most 2048 pieces, got .*backend torch"):
        recogniser.recognise(["Oslo " * 3_000])


@pytest.mark.parametrize("content", [b"", b"nonsense"])
def test_what_is_no_graph_is_refused(content, tmp_path):
    (tmp_path / "g.onnx").write_bytes(content)
    for graph in (content, tmp_path / "g.onnx"):
        with pytest.raises(BundleError, match=r"ONNX Runtime cannot use it"):
            OnnxScorer(graph)


def release(folder, files):
    pieces = tiny.tokenizer()
    save_bundle(folder / "b", tiny.model(pieces), pieces, tiny.PROFILE, facts=FACTS)
    model = as_released(load(folder / "b").model, "fp32")
    write_release(folder / "b", folder / "r", model, ReleaseContent(files=files))
    return folder / "r"


def test_a_bundle_with_a_graph_is_run_by_it_where_that_is_asked(graph, tmp_path):
    cases = golden_file(record_goldens(tiny.recogniser(), golden_texts({})))
    bundle = release(tmp_path, {ONNX_FILE: graph, GOLDEN_FILE: cases})
    ways = {"auto": Backend.TORCH, "onnx": Backend.ONNX, "torch": Backend.TORCH}
    for asked, expected in ways.items():
        assert load(bundle, backend=asked).scorer.backend is expected
    with pytest.raises(BundleError, match=r"has no model\.onnx.*--onnx"):
        load(tmp_path / "b", backend="onnx")
    with pytest.raises(ConfigurationError, match=r"one of auto, torch, onnx, got 'jax'"):
        load(bundle, backend="jax")


def test_golden_cases_notice_a_graph_of_another_model(graph, tmp_path):
    recogniser = tiny.recogniser()
    cases = golden_file(record_goldens(recogniser, golden_texts({})))
    with torch.no_grad():
        recogniser.model.head.emissions.bias += torch.linspace(-1, 1, 5)
    bundle = release(tmp_path, {ONNX_FILE: export_graph(recogniser.model), GOLDEN_FILE: cases})
    load(bundle, backend="torch")
    with pytest.raises(BundleError, match=r"is answered differently"):
        load(bundle, backend="onnx")


def test_an_int8_graph_has_golden_cases_of_its_own(graph, tmp_path):
    small = quantise_graph(graph)
    cases = record_goldens(with_graph(small), golden_texts({}), in_company=False)
    assert len(cases) > 16
    files = {
        ONNX_FILE: small,
        GOLDEN_FILE: golden_file(record_goldens(tiny.recogniser(), golden_texts({}))),
        ONNX_GOLDEN_FILE: golden_file(cases),
    }
    bundle = release(tmp_path, files)
    for backend in ("torch", "onnx"):
        load(bundle, backend=backend)


@pytest.mark.parametrize(
    ("different", "greatest", "passed"), [(0, 1e-3, True), (0, 1.1e-3, False), (1, 0.0, False)]
)
def test_parity_is_the_same_spans_and_near_posteriors(different, greatest, passed):
    parity = Parity(texts=9, different=different, greatest=greatest)
    assert parity.passed == passed
    assert (parity.refusal is None) == passed
