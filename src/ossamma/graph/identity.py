"""What a mention names: an identifier in its one form, or a name, folded."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from ossamma.data.autolabel.checks import refang
from ossamma.data.autolabel.folding import HYPHENS, canonical, fold
from ossamma.graph.values import EntityNode
from ossamma.schema.hierarchy import Hierarchy

NAME: Final = "name"
"""The scheme of an entity that is known by a name alone."""
ATTACK: Final = "attack"
"""The scheme of ATT&CK's identifiers."""
_DASH: Final = f"[{re.escape(HYPHENS)} _]"
_HASHES: Final = {32: "md5", 40: "sha1", 64: "sha256", 128: "sha512"}
_HEX: Final = re.compile(r"[0-9a-f]{32,128}")
_SCHEME: Final = re.compile(r"^(h(?:tt|xx|\*\*|--)ps?|f(?:t|x)ps?)(?=[\[:])", re.IGNORECASE)
_AT: Final = re.compile(r"\[at\]|\(at\)|\{at\}|\[@\]|\(@\)", re.IGNORECASE)
_HOST: Final = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63}){1,10}")
_MAIL: Final = re.compile(rf"[^@\s/]{{1,64}}@{_HOST.pattern}", re.IGNORECASE)
_AROUND: Final = " \t\n\u00a0.,;:\"'`()[]{}<>\u2018\u2019\u201c\u201d"
_POSSESSIVE: Final = re.compile(r"['\u2019\u2018`]s$", re.IGNORECASE)
_INDICATOR: Final = "Indicator"
_FILE_ENDINGS: Final = frozenset(
    [
        "exe",
        "dll",
        "sys",
        "bat",
        "cmd",
        "ps1",
        "vbs",
        "js",
        "hta",
        "lnk",
        "scr",
        "jar",
        "apk",
        "doc",
        "docx",
        "docm",
        "xls",
        "xlsx",
        "xlsm",
        "ppt",
        "pptx",
        "rtf",
        "pdf",
        "zip",
        "rar",
        "7z",
        "gz",
        "tar",
        "iso",
        "img",
        "php",
        "asp",
        "aspx",
        "jsp",
        "html",
        "htm",
        "py",
        "pl",
        "sh",
        "so",
        "elf",
        "bin",
        "dat",
        "tmp",
        "log",
        "txt",
        "ini",
        "cfg",
        "xml",
        "json",
        "csv",
        "dmp",
        "bak",
    ]
)


@dataclass(frozen=True, slots=True)
class Identity:
    """What a text names: `scheme:value`; of a name, `value` is folded."""

    scheme: str
    value: str

    @property
    def is_identifier(self) -> bool:
        """Whether nothing but the thing itself is written so."""
        return self.scheme != NAME

    def __str__(self) -> str:
        return f"{self.scheme}:{self.value}"


def normal_name(text: str) -> str:
    """Return a name in its one form: `APT-28's` and `apt 28` are `apt 28`.

    Case, kinds of joints and apostrophes, signs around it and a possessive ending are all that is
    taken off; that much never makes two names one by mistake.
    """
    stripped = _POSSESSIVE.sub("", " ".join(text.split()).strip(_AROUND)).strip(_AROUND)
    folded = " ".join(canonical(fold(stripped).text).split())
    return folded or text.casefold()


def letters_of(text: str) -> str:
    """Return the letters and digits of a name alone, folded: `FancyBear` and `fancy bear`."""
    return "".join(filter(str.isalnum, fold(text).text))


def identity_of(text: str, label: str) -> Identity:
    """Return what a mention of a graph label names.

    Addresses, hashes and the like count where the label is Indicator; identifiers that nothing
    else looks like (CVE, CWE, CAPEC, ATT&CK) count everywhere.
    """
    clean = " ".join(text.split()).strip(" .,;\"'()")
    certain = _numbered(clean) or _attack(clean)
    if certain is not None:
        return certain
    if label == _INDICATOR:
        plain = refanged(clean)
        for find in _INDICATORS:
            found = find(plain)
            if found is not None:
                return found
    return Identity(NAME, normal_name(text))


def refanged(text: str) -> str:
    """Return an address as it was before somebody made it harmless.

    `hxxps[:]//evil[.]com` is `https://evil.com`, `a[at]b(dot)com` is `a@b.com`.
    """
    scheme = _SCHEME.match(text)
    if scheme:
        plain = scheme[1].lower().replace("xx", "tt").replace("**", "tt").replace("--", "tt")
        text = plain.replace("fxp", "ftp") + text[scheme.end() :]
    return refang(_AT.sub("@", text))


def entity_of(text: str, kind: str, hierarchy: Hierarchy) -> EntityNode:
    """Return the entity that a mention of a type (active, fine or former) names by itself.

    Raises:
        ProfileError: the hierarchy has no such type.
    """
    label = hierarchy.super_label(kind)
    identity = identity_of(text, label)
    own = _LABELS.get(identity.value[0], label) if identity.scheme == ATTACK else label
    # CVE-.. and the like are one thing each, whatever type a recogniser gave them.
    label = _FIXED.get(identity.scheme, own)
    name = identity.value if identity.scheme == ATTACK else " ".join(text.split()).strip(_AROUND)
    return EntityNode(
        label=label if label in hierarchy.properties else hierarchy.super_label(kind),
        identity=str(identity),
        names=(name or text,),
        types=(kind,),
        identifiers=(str(identity),) if identity.is_identifier else (),
    )


_LABELS: Final = {"G": "ThreatActor", "M": "Control", "C": "Campaign", "A": "Asset"}
_FIXED: Final = {"cve": "Vulnerability"}
_NUMBERED: Final = (
    (re.compile(rf"cve{_DASH}([0-9]{{4}}){_DASH}([0-9]{{4,7}})"), "cve", "CVE-{}-{}"),
    (re.compile(rf"cwe{_DASH}?([0-9]{{1,4}})"), "cwe", "CWE-{}"),
    (re.compile(rf"capec{_DASH}?([0-9]{{1,3}})"), "capec", "CAPEC-{}"),
    (re.compile(r"(ghsa(?:-[0-9a-z]{4}){3})"), "ghsa", "{}"),
    (re.compile(rf"ms([0-9]{{2}}){_DASH}([0-9]{{3}})"), "bulletin", "MS{}-{}"),
)
_ATTACK_ID: Final = re.compile(
    r"TA0[01][0-9]{2}|T[01][0-9]{3}(?:[./][0-9]{3})?|[GSMCA][01][0-9]{3}"
)


def _numbered(text: str) -> Identity | None:
    lowered = text.lower()
    for pattern, scheme, form in _NUMBERED:
        match = pattern.fullmatch(lowered)
        if match:
            return Identity(scheme, form.format(*match.groups()))
    return None


def _attack(text: str) -> Identity | None:
    return Identity(ATTACK, text.replace("/", ".")) if _ATTACK_ID.fullmatch(text) else None


def _hash(text: str) -> Identity | None:
    lowered = text.lower()
    kind = _HASHES.get(len(lowered))
    return Identity(kind, lowered) if kind and _HEX.fullmatch(lowered) else None


def _address(text: str) -> Identity | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return Identity(f"ipv{address.version}", str(address))


def _mail(text: str) -> Identity | None:
    if not _MAIL.fullmatch(text):
        return None
    user, _, host = text.rpartition("@")
    return Identity("email", f"{user}@{host.lower()}")


def _url(text: str) -> Identity | None:
    if "://" not in text:
        return None
    try:
        parts = urlsplit(text)
    except ValueError:  # an IPv6 host that is none
        return None
    if not parts.netloc:
        return None
    host = parts.netloc.lower()
    path = "" if parts.path == "/" and not parts.query else parts.path
    return Identity("url", parts._replace(netloc=host, path=path).geturl())


def _host(text: str) -> Identity | None:
    lowered = text.lower().rstrip(".")
    ending = lowered.rpartition(".")[2]
    if not _HOST.fullmatch(lowered) or not ending.isalpha() or ending in _FILE_ENDINGS:
        return None
    return Identity("domain", lowered)


_INDICATORS: Final[tuple[Callable[[str], Identity | None], ...]] = (
    _hash,
    _address,
    _mail,
    _url,
    _host,
)
