"""DOCX: everything a reader sees, in its order; damaged and hostile files are refused."""

from __future__ import annotations

import random

import pytest

from ossamma.data.text.docx import extract_docx
from ossamma.data.text.extracted import TextSettings
from ossamma.schema.errors import DataError, FormatError, OssammaError
from tests.data.text.files import change_zip, make_docx, make_epub, make_zip

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
MC = 'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'


def with_body(body):
    """A document whose body is this XML."""
    content = f"<?xml version='1.0'?><w:document {W} {MC}><w:body>{body}</w:body></w:document>"
    return change_zip(make_docx("x"), {"word/document.xml": content})


def run(text):
    return f'<w:r><w:t xml:space="preserve">{text}</w:t></w:r>'


def test_paragraphs_and_tables_in_their_order():
    raw = make_docx("Before.", "After.", table=[["a", "b"], ["c\nd", ""]], header="Top")
    extracted = extract_docx("x.docx", raw)
    assert extracted.text == "Before.\na\tb\nc\nd\t\nAfter."
    assert (extracted.format, extracted.warnings) == ("docx", ())


def test_headers_on_demand():
    raw = make_docx("Body.", header="Top")
    extracted = extract_docx("x.docx", raw, TextSettings(headers=True))
    assert extracted.text == "Top\nBody.\nTop, below"


TAB, LINE = "<w:r><w:tab/></w:r>", "<w:r><w:br/></w:r>"
DELETED = "<w:del><w:r><w:delText>old</w:delText></w:r></w:del>"


def box(text):
    return f"<w:txbxContent><w:p>{run(text)}</w:p></w:txbxContent>"


def cell(text):
    return f"<w:tc><w:p>{run(text)}</w:p></w:tc>"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (f"<w:p>{run('a')}{TAB}{run('b')}{LINE}{run('c')}</w:p>", "a\tb\nc"),
        (f"<w:p><w:ins>{run('new')}</w:ins>{DELETED}</w:p>", "new"),
        (f"<w:sdt><w:sdtContent><w:p>{run('control')}</w:p></w:sdtContent></w:sdt>", "control"),
        (f"<w:p><w:hyperlink>{run('link')}</w:hyperlink></w:p>", "link"),
        (f"<w:p><w:smartTag>{run('tag')}</w:smartTag></w:p>", "tag"),
        (f"<w:p><w:pPr><w:tabs><w:tab/></w:tabs></w:pPr>{run('x')}</w:p>", "x"),
        ("<w:p><w:r><w:instrText>PAGE</w:instrText></w:r></w:p>", ""),
        (
            f"<w:p>{run('out')}<w:r><mc:AlternateContent><mc:Choice>{box('in')}</mc:Choice>"
            f"<mc:Fallback>{box('in')}</mc:Fallback></mc:AlternateContent></w:r></w:p>",
            "out\nin",
        ),
        (
            f"<w:tbl><w:tr><w:tc><w:tbl><w:tr>{cell(1)}</w:tr></w:tbl></w:tc>"
            f"<w:sdt><w:sdtContent>{cell(2)}</w:sdtContent></w:sdt></w:tr></w:tbl>",
            "1\t2",
        ),
        ("", ""),
    ],
)
def test_what_counts_as_text(body, text):
    assert extract_docx("x.docx", with_body(body)).text == text


def test_what_is_left_out_is_named():
    body = "<w:p><w:r><w:footnoteReference w:id='1'/></w:r><w:del/></w:p>" * 2
    warnings = extract_docx("x.docx", with_body(body)).warnings
    assert warnings == ("2 footnotes left out", "2 tracked deletions left out")


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9, 0.99])
def test_a_truncated_file_is_refused(part):
    raw = make_docx("x")
    with pytest.raises(FormatError, match=r"x\.docx: .*damaged"):
        extract_docx("x.docx", raw[: int(len(raw) * part)])


@pytest.mark.parametrize(
    "raw",
    [
        make_zip({"a": "b"}),
        make_zip({}),
        make_epub({"a.xhtml": "x"}),
        change_zip(make_docx("x"), {"word/document.xml": None}),
        change_zip(make_docx("x"), {"word/document.xml": "<a><b></a>"}),
        change_zip(make_docx("x"), {"word/document.xml": b"\xff\xfe\xfa"}),
        change_zip(make_docx("x"), {"[Content_Types].xml": None}),
        change_zip(make_docx("x"), {"_rels/.rels": "<x/>"}),
    ],
    ids=[
        "zip",
        "empty zip",
        "epub",
        "no document",
        "broken document",
        "no text",
        "no types",
        "no relations",
    ],
)
def test_another_container_is_refused(raw):
    with pytest.raises(FormatError, match=r"x\.docx: "):
        extract_docx("x.docx", raw)


def test_an_entity_bomb_is_refused():
    bomb = "".join(f'<!ENTITY a{n + 1} "{f"&a{n};" * 10}">' for n in range(12))
    content = (
        f'<?xml version="1.0"?><!DOCTYPE w [<!ENTITY a0 "ha">{bomb}]>'
        f"<w:document {W}><w:body><w:p>{run('&a12;')}</w:p></w:body></w:document>"
    )
    for name in ("word/document.xml", "word/styles.xml", "_rels/.rels"):
        with pytest.raises(FormatError, match="EntitiesForbidden"):
            extract_docx("x.docx", change_zip(make_docx("x"), {name: content}))


def test_a_file_outside_is_never_read(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("secret", encoding="utf-8")
    content = (
        f'<!DOCTYPE w [<!ENTITY a SYSTEM "{secret.as_uri()}">]>'
        f"<w:document {W}><w:body><w:p>{run('&a;')}</w:p></w:body></w:document>"
    )
    with pytest.raises(FormatError, match="Forbidden"):
        extract_docx("x.docx", change_zip(make_docx("x"), {"word/document.xml": content}))


def test_damage_in_a_picture_is_no_surprise():
    raw = bytearray(make_docx("x"))
    at = raw.index(b"docProps/thumbnail.jpeg") + 60
    raw[at : at + 200] = bytes(200)
    with pytest.raises(FormatError, match=r"x\.docx: .*damaged"):
        extract_docx("x.docx", bytes(raw))


def test_a_zip_bomb_is_refused():
    bomb = change_zip(make_docx("x"), {"word/media/x.bin": b"\0" * 50_000_000})
    with pytest.raises(DataError, match="zip bomb"):
        extract_docx("x.docx", bomb)
    with pytest.raises(DataError, match="at most 1000 bytes once unpacked"):
        extract_docx("x.docx", make_docx("x"), TextSettings(max_unpacked_bytes=1000))
    with pytest.raises(DataError, match="at most 3 members"):
        extract_docx("x.docx", make_docx("x"), TextSettings(max_archive_members=3))


def test_a_member_that_lies_about_its_size_is_refused():
    raw = bytearray(make_docx("x"))
    entry = raw.rindex(b"PK\x01\x02", 0, raw.rindex(b"word/document.xml"))
    raw[entry + 24 : entry + 28] = (10).to_bytes(4, "little")  # the size once unpacked
    with pytest.raises(FormatError, match=r"x\.docx: "):
        extract_docx("x.docx", bytes(raw))


def test_a_deep_document_ends_in_an_error_or_in_text():
    deep = "<w:sdt><w:sdtContent>" * 3000 + "<w:p/>" + "</w:sdtContent></w:sdt>" * 3000
    with pytest.raises(FormatError, match=r"x\.docx: "):
        extract_docx("x.docx", with_body(deep))


@pytest.mark.parametrize("seed", range(15))
def test_damage_ends_in_a_clear_error_or_in_text(seed):
    rng = random.Random(seed)
    raw = bytearray(make_docx("Some text."))
    for _ in range(rng.randint(1, 8)):
        raw[rng.randrange(len(raw))] = rng.randrange(256)
    try:
        text = extract_docx("x.docx", bytes(raw)).text
    except OssammaError as error:
        text = str(error)
        named = "x.docx" in text
    else:
        named = True
    text.encode("utf-8")
    assert named
