"""Variants are settings that exist, and differ from the whole."""

from __future__ import annotations

import pytest

from ossamma.evaluation.claims import CLAIMS
from ossamma.pipeline.run_family import RunFamily
from ossamma.pipeline.variants import choose, read_variants
from ossamma.schema.errors import ConfigurationError
from tests import tiny

SHIPPED = read_variants()


def family(*assignments):
    files = dict.fromkeys(("train", "dev", "test"), None)
    return RunFamily(profile="native", **files, assignments=(*tiny.ASSIGNMENTS, *assignments))


def test_the_plan_s_ablations_are_there():
    assert [variant.name for variant in SHIPPED] == [
        "full",
        "no-input-gate",
        "no-output-gate",
        "no-gates",
        "no-oscillator",
        "one-direction",
        "even-mixing",
        "no-ffn",
        "no-crf",
        "no-boundary-loss",
        "time-0",
        "time-0.5",
        "window-128",
        "window-256",
        "window-512",
    ]


@pytest.mark.parametrize("variant", SHIPPED, ids=lambda variant: variant.name)
def test_a_variant_changes_what_it_names_and_nothing_else(variant):
    whole, changed = family().recipe().to_json(), family().recipe(variant.assignments).to_json()
    different = {
        f"{section}.{name}"
        for section in ("model", "training", "tokenizer")
        for name in whole[section]
        if whole[section][name] != changed[section][name]
    }
    expected = set(variant.settings) if variant.name != "time-0" else set()
    assert different == expected


def test_claims_speak_of_variants_that_exist():
    names = {variant.name for variant in SHIPPED}
    assert {name for claim in CLAIMS for name in claim.variants} <= names


def test_what_the_recipe_has_already_is_left_out():
    chosen, reasons = choose(SHIPPED, family("model.window_size=256"))
    names = [variant.name for variant in chosen]
    assert "window-256" not in names
    assert "time-0" not in names
    assert len(names) == len(SHIPPED) - 2
    assert "window-256 is left out: the same settings as full" in reasons


def test_the_whole_is_always_chosen_and_comes_first():
    chosen, _ = choose(SHIPPED, family(), ["no-crf", "no-ffn"])
    assert [variant.name for variant in chosen] == ["full", "no-ffn", "no-crf"]


def test_an_unknown_variant_is_named():
    with pytest.raises(ConfigurationError, match="'no-cfr'; did you mean no-crf"):
        choose(SHIPPED, family(), ["no-cfr"])


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[a]", "expected a mapping of variants"),
        ("a: {set: {}}", "expected the keys title and set"),
        ("a: {title: x, set: [1]}", "expected settings by"),
        ("a/b: {title: x, set: {}}", "a variant's name must be"),
        ("a: [", "cannot read the variants"),
    ],
)
def test_a_file_that_is_no_list_of_variants(tmp_path, text, complaint):
    path = tmp_path / "variants.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=complaint):
        read_variants(path)


def test_a_setting_that_does_not_exist_is_refused(tmp_path):
    path = tmp_path / "variants.yaml"
    path.write_text("a: {title: x, set: {model.inputgate: false}}")
    variants = read_variants(path)
    assert [variant.name for variant in variants] == ["full", "a"]
    with pytest.raises(ConfigurationError, match=r"unknown setting model\.inputgate"):
        choose(variants, family())
