"""The shipped rules of ner11: identifiers in every form, hostile texts, real lexicons."""

from __future__ import annotations

import os
import re
import warnings
from collections import Counter
from importlib.resources import files
from pathlib import Path

import pytest

from ossamma.data.autolabel.labeller import Labeller, load_labeller
from ossamma.data.autolabel.lexicon import Lexicon
from ossamma.data.autolabel.patterns import PatternFinder
from ossamma.data.autolabel.rules import (
    LEXICONS_FILE,
    PATTERNS_FILE,
    read_lexicon_rules,
    read_patterns,
)
from ossamma.schema.profile import load_profile

RULES = files("ossamma.profiles").joinpath("ner11")
MD5 = "0123456789abcdef" * 2
HOSTILE = (
    "a", "A", "1", ".", "1.", "a.", "a-", "-", "/", "\\", "\\\\a", "c:\\a ", "a@", "[.]", "f", "0f",
    "cve-1", "hklm\\a ", "http://", "::", ":1", "iec 62443-", "T1", "1[.]", "a(dot)", "e1", "_",
    "Trojan-", "/etc/", "%a%\\", "nist sp 1", "\n", "é.", "İ",
)  # fmt: skip


@pytest.fixture(scope="module")
def patterns():
    return read_patterns(RULES.joinpath(PATTERNS_FILE))


@pytest.fixture(scope="module")
def labeller(patterns):
    return Labeller(Lexicon((), {}), patterns)


@pytest.mark.parametrize(
    ("text", "pattern", "surface"),
    [
        ("fixed CVE-2021-44228.", "cve", "CVE-2021-44228"),
        ("fixed cve-2021-44228-poc", "cve", "cve-2021-44228"),
        ("CVE\u20112021\u20111234 too", "cve", "CVE\u20112021\u20111234"),
        ("see CWE-79", "cwe", "CWE-79"),
        ("see CAPEC-66", "capec-id", "CAPEC-66"),
        ("uses T1566.001.", "technique-id", "T1566.001"),
        ("(T0803)", "technique-id", "T0803"),
        ("tactic TA0001", "tactic-id", "TA0001"),
        ("group G0016", "group-id", "G0016"),
        ("software S0154", "software-id", "S0154"),
        ("mitigation M1036", "mitigation-id", "M1036"),
        ("campaign C0022", "campaign-id", "C0022"),
        ("patched by MS17-010", "bulletin", "MS17-010"),
        ("GHSA-vwqx-4fm8-6qc9", "ghsa", "GHSA-vwqx-4fm8-6qc9"),
        ("[it](https://attack.mitre.org/techniques/T1055/001)", "technique-id", "T1055/001"),
        ("either T1055/001", "technique-id", "T1055"),
        ("a zero-day exploit", "zero-day", "zero-day exploit"),
        ("the APT28 group", "actor-number", "APT28"),
        ("APT-C-36 and", "actor-number", "APT-C-36"),
        ("by UNC2452,", "actor-number", "UNC2452"),
        ("Trojan-Banker.AndroidOS.Asacub.a", "detection-name", "Trojan-Banker.AndroidOS.Asacub.a"),
        ("is Exploit:Win32/Apptom", "detection-name", "Exploit:Win32/Apptom"),
        ("BKDR_ZEGOST.A", "detection-name-in-capitals", "BKDR_ZEGOST.A"),
        ("per IEC 62443-3-3", "iec-62443", "IEC 62443-3-3"),
        ("per ISA/IEC 62443", "iec-62443", "ISA/IEC 62443"),
        ("per ISO/IEC 27001:2013", "iso", "ISO/IEC 27001:2013"),
        ("NIST SP 800-53 Rev. 5", "nist-publication", "NIST SP 800-53 Rev. 5"),
        ("FIPS 140-2", "fips", "FIPS 140-2"),
        ("RFC 2616", "rfc", "RFC 2616"),
        ("IEEE 802.11ac", "ieee", "IEEE 802.11ac"),
        ("CIP-007-6", "nerc-cip", "CIP-007-6"),
        ("from https://evil.com/a(1)/b).", "url", "https://evil.com/a(1)/b"),
        ("from https://evil.com/a).(Citation: B)", "url", "https://evil.com/a"),
        ("[a](hxxp://evil[.]com/a)", "url", "hxxp://evil[.]com/a"),
        ("hxxps://attack.mitre[.]org/a", "url", "hxxps://attack.mitre[.]org/a"),
        ("https://mitre.org@evil.com/a", "url", "https://mitre.org@evil.com/a"),
        ("https://notmitre.org//mitre.org/", "url", "https://notmitre.org//mitre.org/"),
        ("from https://evil.com/a?b=c.", "url", "https://evil.com/a?b=c"),
        ("from hxxps://evil[.]com/a)", "url", "hxxps://evil[.]com/a"),
        ("from hxxp[:]//evil[.]com/a", "url", "hxxp[:]//evil[.]com/a"),
        ("evil[.]com/gate.php", "url-without-scheme", "evil[.]com/gate.php"),
        ("mail bad.guy@evil.com now", "email", "bad.guy@evil.com"),
        ("mail bad[at]evil(dot)com", "email", "bad[at]evil(dot)com"),
        ("to evil.com,", "domain", "evil.com"),
        ("to evil[.]com,", "domain", "evil[.]com"),
        ("to www[.evil[.com", "domain", "www[.evil[.com"),
        ("to a.evil(dot)co.uk", "domain", "a.evil(dot)co.uk"),
        ("at 185.10.68.200:443", "ipv4", "185.10.68.200"),
        ("at 1.2.3[.]4", "ipv4", "1.2.3[.]4"),
        ("at 1(.)2(.)3(.)4", "ipv4", "1(.)2(.)3(.)4"),
        ("net 185.10.68.0/24", "cidr", "185.10.68.0/24"),
        ("at 2001:db8::ff00:42:8329", "ipv6", "2001:db8::ff00:42:8329"),
        (f"hash {MD5}", "md5", MD5),
        (f"hash {MD5}{MD5[:8]}.", "sha1", MD5 + MD5[:8]),
        (f"hash {MD5.upper() * 2}", "sha256", MD5.upper() * 2),
        (f"hash {MD5 * 4}", "sha512", MD5 * 4),
        ("ran cmd.exe and", "file", "cmd.exe"),
        ("opened Invoice_2019-01.pdf.scr.", "file", "Invoice_2019-01.pdf.scr"),
        (
            "in C:\\Program Files\\Evil Corp\\a.dll.",
            "windows-path",
            "C:\\Program Files\\Evil Corp\\a.dll",
        ),
        ("in %APPDATA%\\evil\\a.exe", "windows-path", "%APPDATA%\\evil\\a.exe"),
        ("reads /etc/passwd,", "unix-path", "/etc/passwd"),
        (
            "HKLM\\Software\\Microsoft\\Windows NT\\CurrentVersion\\Run is",
            "registry-key",
            "HKLM\\Software\\Microsoft\\Windows NT\\CurrentVersion\\Run",
        ),
        (
            "pay 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
            "bitcoin-address",
            "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
        ),
        (
            "bitcoin bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
            "bitcoin-address-bech32",
            "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
        ),
    ],
)
def test_identifiers(labeller, text, pattern, surface):
    marks = [(mark.origin, text[mark.start : mark.end]) for mark in labeller.label(text)]
    assert marks == [(f"pattern:{pattern}", surface)]


def test_every_pattern_has_an_example(patterns):
    examples = test_identifiers.pytestmark[0].args[1]
    assert {pattern.name for pattern in patterns} == {name for _, name, _ in examples}


@pytest.mark.parametrize(
    "text",
    [
        "version 12.2.1.300 and earlier",
        "WebLogic 12.2.1.3",
        "at 12.30.45 on 12.10.2019",
        "section 1.2.3.4.5",
        "1.2.3.999",
        "released on 2019-10-12",
        "the end.The next",
        "e.g. this, i.e. that, a.k.a. those",
        "Node.js and ASP.NET",
        "Washington D.C. and U.S.A.",
        "12:30:45",
        "std::vector<int>",
        "and/or, TCP/IP, n/a",
        "G0016 is a Pantone shade",
        "model S1000",
        "1" * 32,
        "f" * 32,
        "a" * 33,
        MD5 + "0",
        "CVE-20-1",
        "scve-2021-44228",
        "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb",
        "equipment, process and operation",
        "[it](https://attack.mitre.org/groups) and [it](https://evil.com/a)",
        "https://www.attack.mitre.org:443/a and kaspersky.com and securelist.com/a/b",
        "( https : / / some.host.com / opa / index.php )",
        "",
    ],
)
def test_what_only_looks_like_an_identifier(labeller, text):
    assert labeller.label(text) == []


def test_hostile_texts_end(patterns):
    """A megabyte of what each pattern likes least; what takes too long fails by the time limit."""
    text = "".join(unit * (1_000_000 // len(HOSTILE) // len(unit)) for unit in HOSTILE)
    for pattern in patterns:
        finder = PatternFinder([pattern])
        assert sorted(finder.find(text)) == sorted(finder.find_slowly(text))


def test_no_expression_repeats_without_limit(patterns):
    """The interpreter's own parser says so, beside the law that reads the text."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import sre_constants  # noqa: PLC0415
        import sre_parse  # noqa: PLC0415

    def repeats(node):
        if isinstance(node, tuple) and len(node) == 3 and isinstance(node[0], int):
            yield node[1]
        for child in node if isinstance(node, list | tuple | sre_parse.SubPattern) else ():
            yield from repeats(child)

    for pattern in patterns:
        limits = list(repeats(sre_parse.parse(pattern.regex)))
        assert sre_constants.MAXREPEAT not in limits, pattern.name


def test_every_type_is_one_of_the_profile(patterns):
    types = {label for pattern in patterns for label in pattern.labels}
    rules = read_lexicon_rules(RULES.joinpath(LEXICONS_FILE))
    types |= {label for rule in rules.sources for label in rule.labels}
    assert types <= set(load_profile("ner11").labels.types)


def test_names_of_sources_and_patterns_are_unique(patterns):
    rules = read_lexicon_rules(RULES.joinpath(LEXICONS_FILE))
    for names in ([rule.source.name for rule in rules.sources], [p.name for p in patterns]):
        assert [name for name, count in Counter(names).items() if count > 1] == []
        assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) for name in names)


@pytest.fixture(scope="module")
def real():
    return load_labeller(RULES, Path(os.environ["OSSAMMA_MIRROR"]))


@pytest.mark.data
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The APT28 group (Fancy Bear)", [("APT28", "APT_GROUP"), ("Fancy Bear", "APT_GROUP")]),
        ("Sandworm Team's", [("Sandworm Team", "APT_GROUP")]),
        ("used Industroyer", [("Industroyer", "MALWARE")]),
        ("ran Mimikatz", [("Mimikatz", "MALWARE|TOOL")]),
        ("on Windows 10", [("Windows 10", "OPERATING_SYSTEM")]),
        ("Siemens SIMATIC over Modbus TCP", [("Siemens", "VENDOR"), ("Modbus TCP", "PROTOCOL")]),
        ("a Cross-site Scripting flaw", [("Cross-site Scripting", "CWE_WEAKNESS")]),
        ("the energy sector was hit", [("energy", "SECTOR")]),
        ("Play ransomware", [("Play", "MALWARE")]),
        ("They play at the net, ping me; operation and process equipment", []),
        ("Energy is conserved. Water flows. The play began.", []),
    ],
)
def test_real_lexicons(real, text, expected):
    assert [(text[m.start : m.end], m.label) for m in real.label(text)] == expected


@pytest.mark.data
def test_type_names_are_no_terms(real):
    """The types' own names, as words of a text, are not what the text speaks of."""
    types = [name for name in load_profile("ner11").labels.types if name != "IEC_62443"]
    names = [name.replace("_", " ").lower() for name in types]
    assert [name for name in names if real.label(f"the {name} of the plant")] == []
