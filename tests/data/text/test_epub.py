"""EPUB: chapters in the order of the spine; damaged, locked and hostile books are refused."""

from __future__ import annotations

import random

import pytest

from ossamma.data.text.epub import extract_epub
from ossamma.data.text.extracted import PartStart, TextSettings
from ossamma.schema.errors import DataError, FormatError, OssammaError
from tests.data.text.files import CONTAINER, change_zip, make_epub, make_zip

CHAPTERS = {"b.xhtml": "<h1>Two</h1><p>Ada.</p>", "a 1.xhtml": "<p>One &amp; caf\u00e9</p>"}


def test_chapters_in_the_order_of_the_spine():
    extracted = extract_epub("x.epub", make_epub(CHAPTERS))
    assert extracted.text == "Two\n\nAda.\n\nOne & café"
    assert extracted.parts == (PartStart(0, "OEBPS/b.xhtml"), PartStart(11, "OEBPS/a 1.xhtml"))
    other = make_epub(CHAPTERS, spine='<itemref idref="i1"/><itemref idref="i0"/>')
    assert extract_epub("x.epub", other).text == "One & café\n\nTwo\n\nAda."


def test_links_are_decoded_and_asides_left_out():
    book = make_epub(
        {"a.xhtml": "x"},
        manifest='<item id="j" href="sub/../b%201.xhtml#top" media-type="application/xhtml+xml"/>'
        '<item id="k" href="k.svg" media-type="image/svg+xml"/>',
        spine='<itemref idref="j"/><itemref idref="i0" linear="no"/><itemref idref="k"/>',
    )
    extracted = extract_epub("x.epub", change_zip(book, {"OEBPS/b 1.xhtml": "<p>there</p>"}))
    assert extracted.text == "there"
    assert extracted.warnings == (
        "1 pages outside the reading order left out",
        "1 chapters that are no pages left out",
    )


def test_limits_hold():
    with pytest.raises(DataError, match="bytes of markup"):
        extract_epub("x.epub", make_epub(CHAPTERS), TextSettings(max_markup_bytes=20))
    with pytest.raises(DataError, match="zip bomb"):
        extract_epub("x.epub", make_epub({"a.xhtml": " " * 20_000_000}))
    with pytest.raises(DataError, match="members"):
        extract_epub("x.epub", make_epub(CHAPTERS), TextSettings(max_archive_members=2))


@pytest.mark.parametrize("part", [0.05, 0.5, 0.9, 0.99])
def test_a_truncated_book_is_refused(part):
    raw = make_epub(CHAPTERS)
    with pytest.raises(FormatError, match=r"x\.epub: .*damaged"):
        extract_epub("x.epub", raw[: int(len(raw) * part)])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"META-INF/container.xml": None}, "container.xml"),
        ({"META-INF/container.xml": "<a><b></a>"}, "broken XML"),
        ({"META-INF/container.xml": "<a/>"}, "package file"),
        ({"OEBPS/book.opf": None}, "package file"),
        ({"OEBPS/book.opf": "<package/>"}, "a spine with chapters"),
        ({"OEBPS/book.opf": "<p><spine><itemref idref='no'/></spine></p>"}, "no item 'no'"),
        ({"OEBPS/b.xhtml": None}, "OEBPS/b.xhtml"),
        ({"OEBPS/b.xhtml": b"\xff"}, "x.epub!OEBPS/b.xhtml:1: .*byte 0xff"),
    ],
)
def test_what_is_missing_or_broken_is_named(changes, message):
    with pytest.raises(FormatError, match=message):
        extract_epub("x.epub", change_zip(make_epub(CHAPTERS), changes))


def test_a_book_of_images_has_no_text():
    with pytest.raises(FormatError, match="without any"):
        extract_epub("x.epub", make_epub({"a.xhtml": "<img src='a.png'/>"}))


def test_copy_protection_is_named():
    locked = (
        '<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><EncryptedData '
        'xmlns="http://www.w3.org/2001/04/xmlenc#"><CipherData><CipherReference URI="OEBPS/{}"/>'
        "</CipherData></EncryptedData></encryption>"
    )
    book = make_epub(CHAPTERS)
    chapter = change_zip(book, {"META-INF/encryption.xml": locked.format("a%201.xhtml")})
    with pytest.raises(FormatError, match="copy protection"):
        extract_epub("x.epub", chapter)
    fonts = change_zip(book, {"META-INF/encryption.xml": locked.format("font.otf")})
    assert extract_epub("x.epub", fonts).text


@pytest.mark.parametrize("name", ["META-INF/container.xml", "OEBPS/book.opf"])
def test_an_entity_bomb_is_refused(name):
    bomb = "".join(f'<!ENTITY a{n + 1} "{f"&a{n};" * 10}">' for n in range(12))
    content = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a0 "ha">{bomb}]><x>&a12;</x>'
    with pytest.raises(FormatError, match="EntitiesForbidden"):
        extract_epub("x.epub", change_zip(make_epub(CHAPTERS), {name: content}))


def test_a_chapter_outside_the_book_is_refused():
    item = '<item id="j" href="../../etc/passwd" media-type="text/html"/>'
    with pytest.raises(FormatError, match="chapters inside the book"):
        extract_epub("x.epub", make_epub(CHAPTERS, manifest=item))


def test_another_container_is_refused():
    with pytest.raises(FormatError, match=r"container\.xml"):
        extract_epub("x.epub", make_zip({"a": CONTAINER}))


@pytest.mark.parametrize("seed", range(30))
def test_damage_ends_in_a_clear_error_or_in_text(seed):
    rng = random.Random(seed)
    raw = bytearray(make_epub(CHAPTERS))
    for _ in range(rng.randint(1, 8)):
        raw[rng.randrange(len(raw))] = rng.randrange(256)
    try:
        text = extract_epub("x.epub", bytes(raw)).text
    except OssammaError as error:
        text = str(error)
        named = "x.epub" in text
    else:
        named = True
    text.encode("utf-8")
    assert named
