"""Names out of knowledge files: what is in force, and nothing of other files."""

from __future__ import annotations

import json
import lzma

import pytest

from ossamma.data.autolabel.knowledge import KINDS, JsonFiles, Name, read_json, read_names
from ossamma.schema.errors import DataError, FormatError

STIX = {
    "objects": [
        {
            "type": "malware",
            "name": "Alpha",
            "x_mitre_aliases": ["Alpha", "Alef"],
            "external_references": [{"source_name": "mitre-attack", "external_id": "S0001"}],
        },
        {"type": "malware", "name": "Gone", "revoked": True},
        {"type": "malware", "name": "Old", "x_mitre_deprecated": True},
        {"type": "intrusion-set", "name": "Group", "aliases": ["Group", "Gang"]},
        {"type": "relationship"},
    ]
}
MISP = {
    "values": [
        {"value": "Beta", "uuid": "u1", "meta": {"synonyms": ["Bet"], "aliases": ["B-2"]}},
        {"value": "Bare"},
    ]
}
KEV = {
    "vulnerabilities": [
        {"vendorProject": "Acme", "product": "Widget"},
        {"vendorProject": "Acme", "product": "Gadget"},
    ]
}
CSAF = {"vendors": [["Geutebr\u00c3\u00bcck", 6], ["Caf\u00e9", 1]], "products": [["P", 1]]}
FILES = {
    "stix": STIX,
    "misp": MISP,
    "kev": KEV,
    "cwe": [{"id": "CWE-79", "name": "Cross-site Scripting"}],
    "csaf": CSAF,
}


def write(path, content):
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("kind", "select", "names"),
    [
        ("stix", "malware", [Name("Alpha", "S0001"), Name("Alef", "S0001")]),
        ("stix", "intrusion-set", [Name("Group"), Name("Gang")]),
        ("stix", "tool", []),
        ("misp", "", [Name("Beta", "u1"), Name("Bet", "u1"), Name("B-2", "u1"), Name("Bare")]),
        ("kev", "vendor", [Name("Acme")]),
        ("kev", "product", [Name("Gadget"), Name("Widget")]),
        ("kev", "vendor product", [Name("Acme Gadget"), Name("Acme Widget")]),
        ("cwe", "", [Name("Cross-site Scripting", "CWE-79")]),
        ("csaf", "vendors", [Name("Geutebrück"), Name("Café")]),
        ("csaf", "products", [Name("P")]),
    ],
)
def test_names(tmp_path, kind, select, names):
    file = write(tmp_path / "a.json", FILES[kind])
    assert list(read_names(kind, file, select)) == names


def test_every_kind_is_tested():
    assert FILES.keys() == KINDS.keys()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("content", [[], {}, [1], {"objects": [{}]}, {"values": 3}, "x", None])
def test_other_files_are_refused_by_name(tmp_path, kind, content):
    file = write(tmp_path / "other.json", content)
    if kind == "cwe" and content == []:
        assert list(read_names(kind, file)) == []
        return
    with pytest.raises(FormatError, match=r"other\.json: expected a file of kind"):
        list(read_names(kind, file, "vendor" if kind == "kev" else "vendors"))


def test_packed_files_are_read(tmp_path):
    file = tmp_path / "a.json.xz"
    file.write_bytes(lzma.compress(json.dumps(STIX).encode()))
    assert read_json(file) == STIX


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe{}", b'{"a": "\xe9"}', b"[" * 100_000, b"NaN," * 3],
    ids=["empty", "cut", "utf16", "latin1", "deep", "junk"],
)
def test_broken_json_is_a_fault_of_the_file(tmp_path, content):
    file = tmp_path / "broken.json"
    file.write_bytes(content)
    with pytest.raises(FormatError, match=r"broken\.json: expected JSON in UTF-8"):
        read_json(file)


@pytest.mark.parametrize("keep", [0, 1, 20, -4])
def test_cut_packed_files_are_a_fault(tmp_path, keep):
    file = tmp_path / "cut.json.xz"
    file.write_bytes(lzma.compress(json.dumps(STIX).encode())[:keep])
    with pytest.raises(FormatError, match=r"cut\.json\.xz"):
        read_json(file)


def test_a_file_that_swells_is_refused(tmp_path):
    file = tmp_path / "bomb.json.xz"
    file.write_bytes(lzma.compress(b" " * 1_000_000))
    with pytest.raises(DataError, match="more than 1000 bytes"):
        read_json(file, max_bytes=1000)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FormatError, match=r"none\.json: expected a readable file"):
        read_json(tmp_path / "none.json")


def test_a_file_that_many_ask_for_is_read_once(tmp_path):
    path = tmp_path / "attack.json"
    path.write_text(json.dumps(STIX), encoding="utf-8")
    read = JsonFiles()
    first = [*read_names("stix", path, "malware", read=read)]
    path.unlink()
    assert [*read_names("stix", path, "malware", read=read)] == first
    assert [*read_names("stix", path, "intrusion-set", read=read)]
    with pytest.raises(FormatError):
        JsonFiles()(path)
