"""Errors keep what they know on their way between processes."""

from __future__ import annotations

import copy
import inspect
import pickle

import pytest

from ossamma.schema import errors
from ossamma.schema.errors import FormatError, OssammaError

FAMILY = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, OssammaError)
]


@pytest.mark.parametrize("line", [7, None])
@pytest.mark.parametrize("travel", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))])
def test_a_format_error_survives_the_way_between_processes(travel, line):
    error = FormatError("a.conll", line, expected="a tag", got="nothing")
    arrived = travel(error)
    assert str(arrived) == str(error)
    assert (arrived.source, arrived.line) == ("a.conll", line)
    assert (arrived.expected, arrived.got) == ("a tag", "nothing")


@pytest.mark.parametrize("kind", [kind for kind in FAMILY if kind is not FormatError])
def test_every_other_error_survives_it_too(kind):
    arrived = pickle.loads(pickle.dumps(kind("what came")))
    assert type(arrived) is kind
    assert str(arrived) == "what came"


def test_a_format_error_names_the_line_only_if_there_is_one():
    assert str(FormatError("a", 7, expected="x", got="y")) == "a:7: expected x, got y"
    assert str(FormatError("a", None, expected="x", got="y")) == "a: expected x, got y"
