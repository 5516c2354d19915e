"""Files are read under limits: bombs, ways out of archives and folders, and dead processes."""

from __future__ import annotations

import json
import zipfile

import pytest

from ossamma.ingestion.child import FileReader
from ossamma.ingestion.files import find_files
from ossamma.ingestion.reading import read_file
from ossamma.ingestion.settings import DEFAULT_INGEST, IngestSettings
from ossamma.schema.errors import ConfigurationError, DataError, FormatError, OssammaError


def write(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def texts(path, **settings):
    return [(one.part, one.text) for one in read_file(path, IngestSettings(**settings))]


def test_each_record_is_a_text_with_its_title(tmp_path):
    stix = {"type": "bundle", "objects": [
        {"id": "malware--1", "name": "X-Agent", "description": "A backdoor."},
        {"id": "marking--2", "name": "no text"},
    ]}  # fmt: skip
    assert texts(write(tmp_path / "a.json", stix)) == [("malware--1", "X-Agent\n\nA backdoor.")]
    lines = '{"id": 7, "text": "One."}\n\n{"body": "Two."}\n'
    assert texts(write(tmp_path / "a.jsonl", lines)) == [("7", "One."), ("2", "Two.")]
    table = 'Title,Description\nT,"a, b"\n'
    assert texts(write(tmp_path / "a.csv", table)) == [("1", "T\n\na, b")]


@pytest.mark.parametrize("content", ['{"a": 1}', "[1, 2]", "{", "[" * 100_000, "null"])
def test_records_without_text_are_refused(tmp_path, content):
    with pytest.raises(FormatError):
        texts(write(tmp_path / "a.json", content))


def test_too_much_of_anything_is_refused(tmp_path):
    file = write(tmp_path / "a.txt", "word " * 100)
    for limit in ("max_file_bytes", "max_characters"):
        with pytest.raises(DataError):
            texts(file, **{limit: 100})
    with pytest.raises(DataError):
        texts(write(tmp_path / "a.json", [{"text": "a"}] * 3), max_records=2)
    with pytest.raises(DataError):
        texts(write(tmp_path / "b.txt", "  \n "))
    with pytest.raises(ConfigurationError):
        IngestSettings(max_seconds=0)


def test_a_zip_bomb_is_refused_unopened(tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.docx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", b"<a>" + b" " * (DEFAULT_INGEST.max_unpacked_bytes))
    assert (tmp_path / "bomb.docx").stat().st_size < 2**20
    with pytest.raises(OssammaError, match="unpack"):
        texts(tmp_path / "bomb.docx")


def test_a_way_out_of_an_archive_leads_nowhere(tmp_path):
    secret = write(tmp_path / "secret.xhtml", "<html><body>the secret</body></html>")
    container = (
        '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
        '<rootfile full-path="p.opf"/></rootfiles></container>'
    )
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf"><manifest>'
        f'<item id="a" href="../secret.xhtml" media-type="application/xhtml+xml"/>'
        f'<item id="b" href="{secret}" media-type="application/xhtml+xml"/>'
        '</manifest><spine><itemref idref="a"/><itemref idref="b"/></spine></package>'
    )
    before = sorted(tmp_path.rglob("*"))
    with zipfile.ZipFile(tmp_path / "book.epub", "w") as archive:
        archive.writestr("mimetype", "application/epub+zip")
        archive.writestr("META-INF/container.xml", container)
        archive.writestr("p.opf", package)
        archive.writestr("../../evil.txt", "evil")
    with pytest.raises(OssammaError):
        texts(tmp_path / "book.epub")
    assert sorted(tmp_path.rglob("*")) == sorted([*before, tmp_path / "book.epub"])


def test_a_link_out_of_the_folder_is_not_followed(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    write(tmp_path / "secret.txt", "secret")
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    write(folder / ".hidden.txt", "hidden")
    write(folder / "a.txt", "a")
    assert [file.name for file in find_files([folder])] == ["in/a.txt"]
    with pytest.raises(DataError):
        list(find_files([tmp_path / "none"]))


def test_a_child_that_takes_too_long_or_dies_is_followed_by_another(tmp_path):
    good = write(tmp_path / "good.txt", "fine")
    # An expression that a library would take hours for cannot be had; a pipe without a writer can.
    slow = tmp_path / "slow.txt"
    slow.symlink_to("/dev/zero")
    with FileReader(IngestSettings(max_seconds=20.0)) as reader:
        assert [one.text for one in reader.read(good)] == ["fine"]
        with pytest.raises(DataError):
            reader.read(slow)
        assert [one.text for one in reader.read(good)] == ["fine"]
