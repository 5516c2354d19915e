"""A calibration survives the bundle to the bit; bundles without one give raw posteriors."""

from __future__ import annotations

import json

import pytest

from ossamma.export.bundle import load, save_bundle, save_calibrated
from ossamma.export.calibration_file import read_calibration
from ossamma.export.manifest import CALIBRATION_FILE, METADATA_FILE, seal, stated_facts, verify
from ossamma.inference.calibration import (
    Calibration,
    Isotonic,
    Temperature,
    ThresholdPolicy,
    Thresholds,
)
from ossamma.inference.recogniser import OssammaRecogniser
from ossamma.inference.settings import InferenceSettings
from ossamma.schema.errors import BundleError, ConfigurationError
from tests import tiny

FACTS = {"checkpoint_epoch": 3.0, "val_f1": 0.5, "profile": "native"}
TEXTS = ["Ada Lovelace met Alan Turing in New York", "Oslo\nLima"]
CALIBRATION = Calibration(
    overall=Temperature(1 / 3),
    per_type={"PLACE": Isotonic((0.1, 0.2 + 0.1), (1e-9, 0.7))},
    thresholds={ThresholdPolicy.F1: Thresholds(0.1 + 0.2, {"PERSON": None})},
    facts={"method": "temperature", "fitted_on": {"documents": 3}},
)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "bundle"
    pieces = tiny.tokenizer()
    save_bundle(folder, tiny.model(pieces), pieces, tiny.PROFILE, facts=FACTS)
    return folder


@pytest.fixture
def calibrated(plain, tmp_path):
    save_calibrated(plain, tmp_path / "c", CALIBRATION)
    return tmp_path / "c"


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_round_trip_is_equal_to_the_bit(calibrated):
    assert read_calibration(calibrated) == CALIBRATION
    raw = tiny.recogniser()
    wanted = OssammaRecogniser(raw.model, raw.tokenizer, None, CALIBRATION)
    assert load(calibrated).recognise(TEXTS) == wanted.recognise(TEXTS)
    unchanged = load(calibrated, InferenceSettings(calibrated=False))
    assert unchanged.recognise(TEXTS) == raw.recognise(TEXTS)


def test_the_source_stays_as_it_is_and_all_else_is_copied(plain, tmp_path):
    before = contents(plain)
    save_calibrated(plain.parent, tmp_path / "c", CALIBRATION)
    assert contents(plain) == before
    after = contents(tmp_path / "c")
    assert set(after) - set(before) == {CALIBRATION_FILE}
    for name in set(before) - {METADATA_FILE}:
        assert after[name] == before[name]
    assert stated_facts(verify(tmp_path / "c")) == stated_facts(verify(plain))
    assert [path.name for path in tmp_path.iterdir()] == ["c"]


def test_equal_calibrations_give_equal_bundles(plain, tmp_path):
    for name in "ab":
        save_calibrated(plain, tmp_path / name, CALIBRATION)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_a_new_calibration_replaces_the_old_one(calibrated, tmp_path):
    save_calibrated(calibrated, tmp_path / "again", Calibration(overall=Temperature(2.0)))
    assert load(tmp_path / "again").calibration == Calibration(overall=Temperature(2.0))


def test_a_bundle_without_one_has_raw_posteriors(plain):
    assert read_calibration(plain) is None
    assert load(plain).recognise(TEXTS) == tiny.recogniser().recognise(TEXTS)
    with pytest.raises(ConfigurationError, match="ossamma calibrate"):
        load(plain, InferenceSettings(thresholds=ThresholdPolicy.F1))


def test_a_changed_calibration_is_refused(calibrated):
    path = calibrated / CALIBRATION_FILE
    path.write_bytes(path.read_bytes().replace(b"0.7", b"0.8"))
    with pytest.raises(BundleError, match=CALIBRATION_FILE):
        load(calibrated)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": 1}', '{"format": 1'])
def test_nonsense_that_was_sealed_is_refused(calibrated, content):
    facts = stated_facts(verify(calibrated))
    (calibrated / CALIBRATION_FILE).write_text(content)
    (calibrated / METADATA_FILE).unlink()
    seal(calibrated, facts)
    with pytest.raises(BundleError, match=CALIBRATION_FILE):
        load(calibrated)


def test_nothing_is_overwritten_or_put_into_the_bundle(plain, calibrated):
    before = contents(plain)
    for place in (plain, calibrated, plain / "inner"):
        with pytest.raises(BundleError, match="expected"):
            save_calibrated(plain, place, CALIBRATION)
    assert contents(plain) == before


def test_a_damaged_source_gives_nothing(calibrated, tmp_path):
    (calibrated / "labels.json").write_text(json.dumps({}))
    with pytest.raises(BundleError, match=r"labels\.json"):
        save_calibrated(calibrated, tmp_path / "new", CALIBRATION)
    assert not (tmp_path / "new").exists()
