"""What people write becomes what a setting wants, or a message that says what was wanted."""

from __future__ import annotations

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.pipeline.setting_types import SettingTypes, nearest
from ossamma.schema.errors import ConfigurationError

TYPES = SettingTypes(
    "section",
    {
        "epochs": int,
        "rate": float,
        "gate": bool,
        "schedule": Literal["linear", "cosine"],
        "features": list[str],
    },
)


@pytest.mark.parametrize(
    ("name", "given_value", "value"),
    [
        ("epochs", 3, 3),
        ("epochs", 3.0, 3),
        ("epochs", "1e1", 10),
        ("epochs", 2**70 + 1, 2**70 + 1),
        ("rate", 1, 1.0),
        ("rate", "1e-3", 0.001),
        ("rate", 0.5, 0.5),
        ("gate", True, True),
        ("schedule", "cosine", "cosine"),
        ("features", ["a"], ["a"]),
    ],
)
def test_a_value_takes_the_settings_type(name, given_value, value):
    found = TYPES.checked(name, given_value)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("epochs", 3.5, "a whole number"),
        ("epochs", "three", "a whole number"),
        ("epochs", True, "a whole number"),
        ("epochs", None, "a whole number"),
        ("epochs", "nan", "a whole number"),
        ("epochs", "inf", "a whole number"),
        ("rate", True, "a number"),
        ("rate", [1], "a number"),
        ("rate", 10**400, "a number"),
        ("gate", 1, "true or false"),
        ("gate", "yes", "true or false"),
        ("schedule", "linar", r"one of linear, cosine, got 'linar'; did you mean linear\?"),
        ("schedule", 3, "one of linear, cosine, got 3"),
        ("features", "lower", "a list"),
    ],
)
def test_another_type_is_refused(name, value, expected):
    with pytest.raises(ConfigurationError, match=rf"^section\.{name}: expected {expected}"):
        TYPES.checked(name, value)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_survives_in_any_notation(number):
    assert TYPES.checked("rate", number) == number
    assert TYPES.checked("rate", repr(number)) == number
    assert TYPES.checked("rate", f"{number:e}") == pytest.approx(number, rel=1e-6)


def test_an_unknown_setting_names_its_neighbours_and_all_others():
    with pytest.raises(
        ConfigurationError, match=r"section\.epoch; did you mean epochs\? \(known: "
    ):
        TYPES.checked("epoch", 3)


def test_what_is_near_nothing_gets_no_advice():
    assert nearest("xyz", TYPES.kinds) == ""
