"""What makes a match more than its form."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.data.autolabel.checks import CHECKS, last_part, refang

TABLE = {
    "address": (["1.2.3.4", "1.2.3[.]4", "1(dot)2.3.4", "fe80::1"], ["1.2.3.256", "01.2.3.4", "x"]),
    "long_address": (["fe80:1::2"], ["::1", "12::8"]),
    "network": (["10.0.0.0/8", "10.1.2.3/8"], ["10.0.0.0/33"]),
    "no_version": (["8.8.8.200", "1.2[.]3[.]4"], ["12.2.1.3", "1.0.0.1"]),
    "mixed": (["1a"], ["11", "aa"]),
    "digit": (["a1"], ["aa"]),
    "lower_ending": (["Evil.com", "EVIL.com/X.Y", "evil[.]com:80"], ["end.In", "ASP.NET"]),
    "host": (["evil.com", "a-b.io"], ["-a.com", "a..com", "e.g", "a-.com"]),
    "file": (["cmd.exe", "CMD.EXE", "x.tar.gz", "a1.mp3"], ["D.C", "1.2.c", "The.Doc", "m.p.h"]),
    "detection": (["Trojan.Win32.Agent", "Trojan-Spy.Foo", "W.b"], ["Trojan.The"]),
    "base58check": (["1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"], ["1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb"]),
}


def test_every_check_is_in_the_table():
    assert TABLE.keys() == CHECKS.keys()


@pytest.mark.parametrize(
    ("name", "written", "right"),
    [
        (name, written, right)
        for name, (good, bad) in TABLE.items()
        for right, examples in ((True, good), (False, bad))
        for written in examples
    ],
)
def test_checks(name, written, right):
    assert CHECKS[name](written) is right


@given(st.ip_addresses(v=4), st.lists(st.sampled_from([".", "[.]", "(dot)", "[dot]"]), min_size=3))
def test_a_defanged_address_is_the_address(address, dots):
    numbers = str(address).split(".")
    pieces = [numbers[0], *(d + n for d, n in zip(dots, numbers[1:], strict=False))]
    assert refang("".join(pieces)) == str(address)
    assert CHECKS["address"]("".join(pieces))


@given(st.text(max_size=20))
def test_checks_take_any_text(written):
    assert all(check(written) in {True, False} for check in CHECKS.values())


@given(st.text(alphabet="0123456789.:af/", max_size=20))
def test_an_address_is_what_the_standard_library_takes(written):
    try:
        ipaddress.ip_address(written)
        right = True
    except ValueError:
        right = False
    assert CHECKS["address"](written) is right


def test_the_last_part_is_in_lower_case():
    assert last_part("EVIL[.]COM") == "com"
