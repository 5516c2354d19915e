"""What a match of a pattern must be beyond its form: a valid address, a hash, no version number."""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Callable, Mapping, Set
from types import MappingProxyType
from typing import Final

_BARE_DOT: Final = re.compile(r"\bdot\b", re.IGNORECASE)
_DEFANGED: Final = re.compile(r"[\[\](){}]|dot", re.IGNORECASE)
_BRACKETS: Final = re.compile(r"[\[\](){}]")
_BEFORE_HOST: Final = re.compile(r"^[a-z]{2,5}://")
_AFTER_HOST: Final = re.compile(r"[/:]")
_BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_HIGHEST_OF_A_VERSION: Final = 32


def refang(written: str) -> str:
    """Return an address as it was before somebody made it harmless: `1.2[.]3[.]4`, `a(dot)com`."""
    if _DEFANGED.search(written) is None:
        return written
    return _BRACKETS.sub("", _BARE_DOT.sub(".", written))


def last_part(written: str) -> str:
    """Return what follows the last dot, in lower case."""
    return refang(written).rpartition(".")[2].lower()


def is_below(written: str, hosts: Set[str]) -> bool:
    """Whether an address as one can follow it is at one of these hosts, or below one."""
    if not hosts or refang(written) != written:
        return False
    authority = _BEFORE_HOST.sub("", written.lower()).partition("/")[0]
    parts = authority.rpartition("@")[2].partition(":")[0].split(".")
    return any(".".join(parts[first:]) in hosts for first in range(len(parts)))


def is_address(written: str) -> bool:
    """Whether this is an IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(refang(written))
    except ValueError:
        return False
    return True


def is_long_address(written: str) -> bool:
    """Whether an address has three groups of digits or more, as no time of day and no `::1` has."""
    return len([group for group in written.split(":") if group]) > 2


def is_network(written: str) -> bool:
    """Whether this is a network in CIDR form."""
    try:
        ipaddress.ip_network(refang(written), strict=False)
    except ValueError:
        return False
    return True


def is_no_version(written: str) -> bool:
    """Whether four numbers are more than a version such as 12.2.1.3: one is large, or defanged.

    Addresses such as 10.0.0.1 are lost with the versions; nothing in their form tells them apart.
    """
    address = refang(written)
    numbers = re.findall(r"[0-9]+", address)[:4]
    return address != written or any(int(number) >= _HIGHEST_OF_A_VERSION for number in numbers)


def is_mixed(written: str) -> bool:
    """Whether there are digits and letters, as in any real hash."""
    return any(map(str.isdigit, written)) and any(map(str.isalpha, written))


def has_digit(written: str) -> bool:
    """Whether there is a digit."""
    return any(map(str.isdigit, written))


def has_lower_ending(written: str) -> bool:
    """Whether the last part is in lower case: "evil.com", not the gap in "the end.In fact"."""
    ending = _AFTER_HOST.split(refang(written), maxsplit=1)[0].rpartition(".")[2]
    return ending == ending.lower()


def is_host(written: str) -> bool:
    """Whether each part of a host name may stand in one, and one part has two letters or more."""
    parts = refang(written).split(".")
    return (
        all(parts)
        and not any(part.startswith("-") or part.endswith("-") for part in parts)
        and (any(sum(map(str.isalpha, part)) > 1 for part in parts[:-1]))
    )


def is_file(written: str) -> bool:
    """Whether a name with a known ending is that of a file: no "Washington D.C", no "v1.2.c"."""
    stem, _, ending = written.rpartition(".")
    stem = stem.rpartition(".")[2] or stem
    if len(stem) < 2 or not has_letter(written.rpartition(".")[0]):
        return False
    return ending.islower() or has_digit(ending) or (ending.isupper() and len(ending) > 1)


def is_detection(written: str) -> bool:
    """Whether this is what a scanner calls a family, not the end and the begin of a sentence."""
    parts = re.split(r"[.:/_!]", written)
    return len(parts) > 2 or "-" in parts[0] or not parts[-1].istitle() or written.isupper()


def has_letter(written: str) -> bool:
    """Whether there is a letter."""
    return any(map(str.isalpha, written))


def is_base58check(written: str) -> bool:
    """Whether this is a Bitcoin address of the old form with a right checksum."""
    number = 0
    for character in written:
        digit = _BASE58.find(character)
        if digit < 0:
            return False
        number = number * 58 + digit
    if number >= 1 << 200:
        return False
    payload, checksum = number.to_bytes(25, "big")[:21], number.to_bytes(25, "big")[21:]
    return hashlib.sha256(hashlib.sha256(payload).digest()).digest()[:4] == checksum


CHECKS: Final[Mapping[str, Callable[[str], bool]]] = MappingProxyType(
    {
        "address": is_address,
        "long_address": is_long_address,
        "network": is_network,
        "no_version": is_no_version,
        "mixed": is_mixed,
        "digit": has_digit,
        "lower_ending": has_lower_ending,
        "host": is_host,
        "file": is_file,
        "detection": is_detection,
        "base58check": is_base58check,
    }
)
"""The checks that a pattern may ask for, by name."""
