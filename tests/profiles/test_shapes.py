"""Types that a profile calls rule-shaped: a pattern of the profile must state the rule."""

from __future__ import annotations

from importlib.resources import files

import pytest

from ossamma.data.autolabel.rules import PATTERNS_FILE, read_patterns
from ossamma.schema.profile import PROFILES_PACKAGE, available_profiles, load_profile


@pytest.mark.parametrize("name", available_profiles())
def test_every_rule_shaped_type_has_a_pattern_of_its_own(name):
    file = files(PROFILES_PACKAGE).joinpath(name, PATTERNS_FILE)
    patterns = read_patterns(file) if file.is_file() else ()
    stated = {pattern.labels for pattern in patterns}
    assert {(one,) for one in load_profile(name).rule_shaped} <= stated


def test_identifiers_and_observables_of_ner11_are_rule_shaped():
    assert load_profile("ner11").rule_shaped == {"CVE", "CWE", "IEC_62443", "INDICATOR"}
