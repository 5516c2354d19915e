"""PDF: pages with their places; encrypted, scanned, truncated and hostile files are refused."""

from __future__ import annotations

import io
import logging
import random
import zlib

import pytest
from pypdf import PdfWriter

from ossamma.data.text.extracted import PartStart, TextSettings
from ossamma.data.text.pdf import extract_pdf
from ossamma.schema.errors import DataError, FormatError, OssammaError
from tests.data.text.files import make_pdf

PAGES = [["Ada Lovelace was a mathe-", "matician."], [], ["CVE-", "2024-1 is known."]]


@pytest.fixture(autouse=True)
def _quiet():
    """The library logs what it repairs; that is not what is tested."""
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)


def encrypted(password, **more):
    writer = PdfWriter(clone_from=io.BytesIO(make_pdf(PAGES)))
    writer.encrypt(password, algorithm="RC4-128", **more)
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


def test_pages_and_where_they_begin():
    extracted = extract_pdf("x.pdf", make_pdf(PAGES))
    assert extracted.text == "Ada Lovelace was a mathematician.\n\nCVE-2024-1 is known."
    assert extracted.parts == (PartStart(0, "page 1"), PartStart(35, "page 3"))
    assert extracted.text[35:].startswith("CVE")
    assert extracted.warnings == ("1 pages have no text layer (do they need OCR?): 2",)
    assert extracted.format == "pdf"


def test_scanned_pages_need_ocr():
    with pytest.raises(FormatError, match=r"scan\.pdf: .* 2 without any text: needs OCR"):
        extract_pdf("scan.pdf", make_pdf([[], []]))


def test_a_password_is_asked_for():
    with pytest.raises(FormatError, match=r"encrypted.*qpdf"):
        extract_pdf("x.pdf", encrypted("secret"))


def test_an_empty_password_opens():
    assert "Lovelace" in extract_pdf("x.pdf", encrypted("", owner_password="o")).text


def test_modern_encryption_is_named_even_where_its_library_is_missing():
    raw = make_pdf(PAGES).replace(
        b"/Root 1 0 R",
        b"/Root 1 0 R /ID [<00112233445566778899aabbccddeeff> <00112233445566778899aabbccddeeff>] "
        b"/Encrypt << /Filter /Standard /V 5 /R 6 /Length 256 /P -4 /O <"
        + b"00" * 48
        + b"> /U <"
        + b"00" * 48
        + b"> /OE <"
        + b"00" * 32
        + b"> /UE <"
        + b"00" * 32
        + b"> /Perms <"
        + b"00" * 16
        + b"> /CF << /StdCF << /CFM /AESV3 /Length 32 >> >> /StmF /StdCF /StrF /StdCF >>",
    )
    with pytest.raises(FormatError, match=r"encrypt"):
        extract_pdf("x.pdf", raw)


@pytest.mark.parametrize("length", [0, 1, 20, 300, 800, -200, -40, -10])
def test_a_truncated_file_is_refused(length):
    raw = make_pdf(PAGES)
    with pytest.raises(FormatError, match="truncated or damaged"):
        extract_pdf("x.pdf", raw[:length])


def test_a_file_without_pages_is_refused():
    with pytest.raises(FormatError, match=r"x\.pdf"):
        extract_pdf("x.pdf", make_pdf([]))


def test_too_many_pages_are_refused():
    with pytest.raises(DataError, match="at most 2 pages, got 3"):
        extract_pdf("x.pdf", make_pdf(PAGES), TextSettings(max_pages=2))


def test_too_long_work_is_refused():
    with pytest.raises(DataError, match=r"at most 1e-09 seconds.*page 1 of 3"):
        extract_pdf("x.pdf", make_pdf(PAGES), TextSettings(max_seconds=1e-9))


def test_a_page_that_unpacks_to_gigabytes_is_refused():
    packed = zlib.compress(b" " * 90_000_000, 1)
    raw = make_pdf([["a"]])
    start, end = raw.index(b"4 0 obj"), raw.index(b"5 0 obj")
    bomb = b"4 0 obj\n<< /Length %d /Filter /FlateDecode >>\nstream\n" % len(packed) + packed
    with pytest.raises(OssammaError, match=r"x\.pdf"):
        extract_pdf("x.pdf", raw[:start] + bomb + b"\nendstream\nendobj\n" + raw[end:])


def test_a_ring_of_pages_is_refused():
    raw = make_pdf([["a"]]).replace(b"/Kids [3 0 R]", b"/Kids [2 0 R]")
    with pytest.raises(FormatError):
        extract_pdf("x.pdf", raw)


@pytest.mark.parametrize("seed", range(80))
def test_damage_ends_in_a_clear_error_or_in_text(seed):
    rng = random.Random(seed)
    raw = bytearray(make_pdf(PAGES))
    for _ in range(rng.randint(1, 8)):
        raw[rng.randrange(len(raw))] = rng.randrange(256)
    try:
        text = extract_pdf("x.pdf", bytes(raw)).text
    except OssammaError as error:
        text = str(error)
        named = "x.pdf" in text
    else:
        named = True
    text.encode("utf-8")
    assert named
