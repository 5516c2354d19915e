"""A calibrated bundle is a new one, fitted on raw posteriors, and says what it was fitted on."""

from __future__ import annotations

import hashlib

import pytest

from ossamma.evaluation.fitting import CalibrationSettings, fit_calibration
from ossamma.evaluation.judge import judge
from ossamma.evaluation.outcomes import collect_outcomes
from ossamma.evaluation.thresholds import ThresholdSettings
from ossamma.export.bundle import load
from ossamma.export.manifest import verify
from ossamma.pipeline.calibrate import CalibrationRequest, calibrate_bundle
from ossamma.pipeline.corpora import read_split
from ossamma.pipeline.scoring import profile_of
from ossamma.schema.errors import BundleError, DataError
from tests import tiny


def request(trained, out, **options):
    chosen = {"bundle": trained.request.out, "gold": trained.request.dev, **options}
    return CalibrationRequest(out=out, **chosen)


def test_the_bundle_carries_what_was_fitted_on_the_file(trained, tmp_path):
    outcome = calibrate_bundle(request(trained, tmp_path / "c"))
    bundle, gold = trained.outcome.bundle, trained.request.dev
    documents = read_split(gold, profile_of(bundle)).documents
    found = [entities for _, entities in load(bundle).recognise_documents(documents)]
    wanted = fit_calibration(
        collect_outcomes(list(judge(documents, found))), CalibrationSettings()
    ).calibration
    sealed = load(tmp_path / "c").calibration
    assert (sealed.overall, sealed.per_type) == (wanted.overall, wanted.per_type)
    assert sealed.thresholds == wanted.thresholds
    assert sealed == outcome.choice.calibration
    assert sealed.facts["fitted_on"] == {
        "sha256": hashlib.sha256(gold.read_bytes()).hexdigest(),
        "documents": 8,
        "predictions": sum(map(len, found)),
        "model_sha256": verify(bundle)["checksum"],
    }


def test_calibrating_a_calibrated_bundle_starts_from_raw_posteriors(trained, tmp_path):
    once = calibrate_bundle(request(trained, tmp_path / "a"))
    twice = calibrate_bundle(request(trained, tmp_path / "b", bundle=tmp_path / "a"))
    assert twice.choice == once.choice
    paths = [tmp_path / name / "calibration.json" for name in "ab"]
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_settings_are_kept_with_it(trained, tmp_path):
    chosen = CalibrationSettings(thresholds=ThresholdSettings(precision_floor=0.75), seed=3)
    calibrate_bundle(request(trained, tmp_path / "c", settings=chosen))
    kept = load(tmp_path / "c").calibration.facts["settings"]
    assert (kept["precision_floor"], kept["seed"]) == (0.75, 3)


def test_gold_of_other_labels_is_mapped(trained, tmp_path):
    names = {"PERSON": "person", "PLACE": "location"}
    gold = tiny.write_conll(tmp_path / "g.conll", tiny.documents(8, 1, "dev"), names)
    mapped = calibrate_bundle(
        request(trained, tmp_path / "a", gold=gold, profile="rag9", table="wnut17")
    )
    plain = calibrate_bundle(request(trained, tmp_path / "b"))
    # PLACE is LOCATION there: only persons can be compared.
    assert mapped.cross_fit.before.per_type["PERSON"] == plain.cross_fit.before.per_type["PERSON"]


def test_native_is_the_profile_of_the_bundle(trained, tmp_path):
    named = calibrate_bundle(request(trained, tmp_path / "a", profile="native"))
    assert named.choice == calibrate_bundle(request(trained, tmp_path / "b")).choice


def test_what_stands_at_the_place_is_not_touched(trained, tmp_path):
    (tmp_path / "c").mkdir()
    with pytest.raises(BundleError, match="expected a new folder"):
        calibrate_bundle(request(trained, tmp_path / "c"))
    assert not any((tmp_path / "c").iterdir())


def test_one_document_is_not_enough(trained, tmp_path):
    gold = tiny.write_conll(tmp_path / "g.conll", tiny.documents(1, 1, "dev"))
    with pytest.raises(DataError):
        calibrate_bundle(request(trained, tmp_path / "c", gold=gold))
    assert not (tmp_path / "c").exists()
