"""A URL says all about a place, and what people see of it says nothing secret."""

from __future__ import annotations

import logging
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.ingestion.streaming.places import _matches, is_broker, parse_place
from ossamma.ingestion.streaming.secrets import SecretFree, hide
from ossamma.schema.errors import ConfigurationError


def test_a_place_has_its_parts_and_usual_ones():
    place = parse_place("nats://host/docs.in?group=g&dead=bad", {})
    assert (place.kind, place.host, place.port, place.name) == ("nats", "host", 4222, "docs.in")
    assert (place.group, place.dead) == ("g", "bad")
    assert parse_place("redis://h/a?db=3", {}).database == 3
    assert parse_place("redis://h/a", {}).dead == "a.dead"
    assert parse_place("amqps://h:99/q?vhost=v", {}).virtual_host == "v"
    assert parse_place("rediss://h/a", {}).is_encrypted
    assert not is_broker("neo4j://host")
    assert not is_broker("redis")


@pytest.mark.parametrize(
    "url",
    ["kafka://h/t", "http://h/t", "nats://h", "nats:///t", "redis://h/a?x=1", "redis://h/a?db=x",
     "redis://h/a?dead=a", "nats://h/a.*", "nats://h/a.>?dead=a.b", "nats://h:port/a",
     "nats://h/a?group=a.b", "redis://h/a?group="],
)  # fmt: skip
def test_what_is_no_place_is_refused_without_its_password(url):
    url = url.replace("://", "://bob:hunter2@")
    with pytest.raises(ConfigurationError) as caught:
        parse_place(url, {})
    assert "hunter2" not in str(caught.value)


def test_credentials_come_from_the_url_or_the_environment_and_are_not_shown():
    environment = {"OSSAMMA_BROKER_USERNAME": "eve", "OSSAMMA_BROKER_PASSWORD": "sesame"}
    own = parse_place("redis://bob:hunt%20er2@h/a", environment)
    lent = parse_place("redis://h/a", environment)
    assert (own.username, own.password) == ("bob", "hunt er2")
    assert (lent.username, lent.password) == ("eve", "sesame")
    for place in (own, lent):
        assert place.password not in repr(place) + place.shown


@given(st.text(st.characters(codec="utf-8"), min_size=4))
def test_no_form_of_a_secret_is_told(secret):
    for form in (secret, quote(secret), quote(secret, safe="")):
        assert form not in hide(f"<<{form}>>", [secret]).replace("***", "")
    record = logging.LogRecord("a", logging.ERROR, "", 1, "x", (), (None, OSError(secret), None))
    assert secret not in SecretFree([secret]).format(record).replace("***", "")


tokens = st.lists(st.sampled_from("ab"), min_size=1, max_size=4)
patterns = st.lists(st.sampled_from("ab*"), min_size=1, max_size=4)


@given(patterns, tokens)
def test_patterns_match_token_by_token(pattern, subject):
    same = len(pattern) == len(subject)
    expected = same and all(p in {"*", s} for p, s in zip(pattern, subject, strict=False))
    assert _matches(pattern, subject) == expected
    longer = len(subject) > len(pattern)
    begins = all(p in {"*", s} for p, s in zip(pattern, subject, strict=False))
    assert _matches([*pattern, ">"], subject) == (longer and begins)
