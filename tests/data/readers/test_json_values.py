"""JSON values with their place: arrays element by element, and everything broken."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.data.readers.json_values import Json, json_array
from ossamma.schema.errors import FormatError


@given(
    values=st.lists(
        st.recursive(st.integers() | st.text(max_size=3), lambda v: st.lists(v, max_size=3)),
        max_size=5,
    ),
    indent=st.none() | st.integers(0, 2),
)
def test_an_array_element_by_element_is_the_array(values, indent):
    text = json.dumps(values, indent=indent)
    elements = list(json_array(Path("f"), text))
    assert [element.value for element in elements] == values
    if indent is not None and all(not isinstance(value, list) for value in values):
        assert [element.line for element in elements] == list(range(2, 2 + len(values)))
    assert Json.whole(Path("f"), text).value == values


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", r"f:1: expected a JSON list \[\.\.\.\] of tasks, got '{}'"),
        ("[1,\n2", "f:2: expected ',' or ']' behind this task, got the end of the file"),
        ("[1,\n2 3]", "f:2: expected ',' or ']' behind this task, got '3'"),
        ("[1,\n]", "f:2: .*bad JSON: Expecting value"),
        ("[1] x", "f: expected nothing behind the list, got 'x'"),
        ("[\n{,}]", "f:2: expected JSON, got bad JSON"),
        ('[\n{"a": 1, "a": 2}]', "f:2: .*the key 'a' stands twice"),
        ("[NaN]", "NaN is not JSON"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_a_broken_array_is_refused_by_its_line(text, message):
    with pytest.raises(FormatError, match=message):
        list(json_array(Path("f"), text))


@pytest.mark.parametrize(
    ("text", "message"),
    [("{\n]", "f:2: expected JSON, got bad"), ("[" * 100_000, "too deeply"), ("NaN", "not JSON")],
)
def test_a_broken_value_is_refused(text, message):
    with pytest.raises(FormatError, match=message):
        Json.whole(Path("f"), text)
