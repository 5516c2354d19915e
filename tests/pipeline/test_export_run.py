"""A release is measured before it is written, on the run's own dev file or the one given."""

from __future__ import annotations

import shutil

import pytest

from ossamma.export.bundle import load
from ossamma.export.golden import read_goldens
from ossamma.export.manifest import verify
from ossamma.export.reference import read_reference
from ossamma.model.packed_weights import WeightForm
from ossamma.pipeline.corpora import read_split
from ossamma.pipeline.export_checks import F1Check
from ossamma.pipeline.export_run import DevRequest, ExportRequest, export_run
from ossamma.pipeline.initialise import load_encoder
from ossamma.pipeline.labelled import sha256_of
from ossamma.pipeline.scoring import profile_of, score_bundle
from ossamma.schema.errors import BundleError, ConfigurationError


@pytest.mark.parametrize("form", WeightForm)
def test_the_figures_are_those_of_the_bundles(trained, tmp_path, form):
    outcome = export_run(
        ExportRequest(run=trained.request.out, out=tmp_path / "r", weights=form, max_f1_drop=1.0)
    )
    dev = trained.request.dev
    assert outcome.refusals == ()
    assert outcome.f1.trained == score_bundle(trained.outcome.bundle, dev).micro.f1
    assert outcome.f1.released == score_bundle(tmp_path / "r", dev).micro.f1
    assert outcome.f1.sha256 == sha256_of(dev)
    assert outcome.num_bytes == sum(
        path.stat().st_size for path in (tmp_path / "r").iterdir() if path.name != "metadata.json"
    )
    assert verify(tmp_path / "r")["f1_check"] == outcome.f1.to_json()


def test_a_release_holds_goldens_histograms_and_a_card(trained, tmp_path):
    outcome = export_run(ExportRequest(run=trained.request.out, out=tmp_path / "r"))
    metadata = verify(tmp_path / "r")
    assert {"golden.json", "reference.json", "README.md"} <= set(metadata["files"])
    assert set(metadata["exported_with"]) >= {"ossamma", "torch", "tokenizers"}
    _, cases = read_goldens(tmp_path / "r")
    assert len(cases) == outcome.num_golden > 0
    reference = read_reference(tmp_path / "r")
    documents = read_split(trained.request.dev, profile_of(tmp_path / "r")).documents
    found = [e for _, e in load(tmp_path / "r").recognise_documents(documents)]
    assert reference.texts == len(documents)
    assert sum(reference.entities.values()) == sum(map(len, found)) == reference.confidence.total
    for path in (tmp_path / "r").iterdir():
        assert str(tmp_path).encode() not in path.read_bytes(), path.name


def test_no_text_of_the_data_is_in_a_release(trained, tmp_path):
    export_run(ExportRequest(run=trained.request.out, out=tmp_path / "r"))
    documents = read_split(trained.request.dev, profile_of(tmp_path / "r")).documents
    for path in (tmp_path / "r").iterdir():
        content = path.read_bytes()
        assert not any(document.text.strip().encode() in content for document in documents)


def test_a_release_of_a_release_answers_the_same(trained, tmp_path):
    export_run(
        ExportRequest(
            run=trained.request.out, out=tmp_path / "a", weights=WeightForm.INT8, max_f1_drop=1.0
        )
    )
    export_run(ExportRequest(run=tmp_path / "a", out=tmp_path / "b"))
    texts = [case.text for case in read_goldens(tmp_path / "a")[1]]
    assert load(tmp_path / "a").recognise(texts) == load(tmp_path / "b").recognise(texts)


def test_a_bundle_without_its_run_is_not_measured_unless_a_file_is_given(trained, tmp_path):
    alone = shutil.copytree(trained.outcome.bundle, tmp_path / "alone")
    assert export_run(ExportRequest(run=alone, out=tmp_path / "a")).f1 is None
    given = ExportRequest(run=alone, out=tmp_path / "b", dev=DevRequest(file=trained.request.dev))
    assert export_run(given).f1.documents == 8


def test_a_dev_file_that_has_changed_is_not_the_runs(trained, tmp_path):
    run = shutil.copytree(trained.request.out, tmp_path / "run")
    record = run / "run.json"
    for change in (
        lambda text: text.replace(sha256_of(trained.request.dev), "0" * 64),
        lambda text: text.replace('"dev"', '"development"'),
        lambda text: "nonsense",
    ):
        before = record.read_text()
        record.write_text(change(before))
        assert record.read_text() != before
        assert export_run(ExportRequest(run=run, out=tmp_path / "r")).f1 is None
        shutil.rmtree(tmp_path / "r")
        record.write_text(before)


def test_a_loss_beyond_the_limit_is_refused_and_writes_nothing(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(F1Check, "passed", False)
    outcome = export_run(ExportRequest(run=trained.request.out, out=tmp_path / "r"))
    [refusal] = outcome.refusals
    assert refusal.startswith("dev F1 falls by 0.00 points")
    assert refusal.endswith("at most 0.20 are allowed")
    assert outcome.to_json()["bundle"] is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("released", "passed"), [(0.75, True), (0.5, True), (0.25, True), (0.2499, False)]
)
def test_the_limit_is_on_the_loss(released, passed):
    check = F1Check(trained=0.5, released=released, limit=0.25, documents=1, sha256="0")
    assert check.passed == passed


def test_what_stands_in_the_way_is_refused_before_the_work(trained, tmp_path):
    (tmp_path / "r").mkdir()
    with pytest.raises(BundleError, match=r"expected a new folder"):
        export_run(ExportRequest(run=tmp_path / "nowhere", out=tmp_path / "r"))


@pytest.mark.parametrize("limit", [-0.1, 1.1, float("nan")])
def test_a_limit_that_is_no_share_is_refused(tmp_path, limit):
    with pytest.raises(ConfigurationError, match=r"must lie in \[0, 1\]"):
        ExportRequest(run=tmp_path, out=tmp_path / "r", max_f1_drop=limit)


def test_a_release_is_a_checkpoint_to_start_from(trained, tmp_path):
    export_run(
        ExportRequest(
            run=trained.request.out, out=tmp_path / "r", weights=WeightForm.INT8, max_f1_drop=1.0
        )
    )
    model = load(trained.outcome.bundle).model
    notes = load_encoder(model, tmp_path / "r" / "model.safetensors")
    assert not any("start at random" in note for note in notes)
    expected = load(tmp_path / "r").model.encoder.state_dict()
    assert all((model.encoder.state_dict()[n] == t).all() for n, t in expected.items())
