"""Small PDF, DOCX and EPUB files, made on the spot."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence

import docx

CONTAINER = (
    '<?xml version="1.0"?><container xmlns="urn:oasis:names:tc:opendocument:xmlns:container" '
    'version="1.0"><rootfiles><rootfile full-path="OEBPS/book.opf" '
    'media-type="application/oebps-package+xml"/></rootfiles></container>'
)


def make_pdf(pages: Sequence[Sequence[str]]) -> bytes:
    """A PDF with a right cross-reference table; each page is its lines (ASCII, no brackets)."""
    font = 3 + 2 * len(pages)
    kids = " ".join(f"{3 + 2 * number} 0 R" for number in range(len(pages)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
    ]
    for number, lines in enumerate(pages):
        shown = " ".join(f"({line}) Tj T*" for line in lines)
        content = f"BT /F1 12 Tf 14 TL 72 720 Td {shown} ET"
        objects.append(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font "
            f"<< /F1 {font} 0 R >> >> /Contents {4 + 2 * number} 0 R >>"
        )
        objects.append(f"<< /Length {len(content)} >>\nstream\n{content}\nendstream")
    objects.append("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
    raw = b"%PDF-1.4\n"
    offsets = []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(raw))
        raw += f"{number} 0 obj\n{content}\nendobj\n".encode("ascii")
    table = "".join(f"{offset:010d} 00000 n \n" for offset in offsets)
    size = len(objects) + 1
    return (
        raw
        + f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer\n".encode("ascii")
        + f"<< /Size {size} /Root 1 0 R >>\nstartxref\n{len(raw)}\n%%EOF\n".encode("ascii")
    )


def make_zip(members: Mapping[str, str | bytes]) -> bytes:
    """A zip container of these members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return buffer.getvalue()


def change_zip(raw: bytes, changes: Mapping[str, str | bytes | None]) -> bytes:
    """The same container with other or additional members; None takes one out."""
    with zipfile.ZipFile(io.BytesIO(raw)) as file:
        members: dict[str, str | bytes | None] = {name: file.read(name) for name in file.namelist()}
    members |= changes
    return make_zip({name: content for name, content in members.items() if content is not None})


def make_epub(chapters: Mapping[str, str], *, spine: str = "", manifest: str = "") -> bytes:
    """A book of these chapters (file name -> body), in this order unless `spine` says otherwise."""
    items = "".join(
        f'<item id="i{n}" href="{name}" media-type="application/xhtml+xml"/>'
        for n, name in enumerate(chapters)
    )
    spine = spine or "".join(f'<itemref idref="i{n}"/>' for n in range(len(chapters)))
    package = (
        '<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf" version="3.0">'
        f"<manifest>{items}{manifest}</manifest><spine>{spine}</spine></package>"
    )
    pages = {
        f"OEBPS/{name}": '<?xml version="1.0" encoding="utf-8"?><html '
        f'xmlns="http://www.w3.org/1999/xhtml"><head><title>T</title></head><body>{body}</body>'
        "</html>"
        for name, body in chapters.items()
    }
    return make_zip(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": CONTAINER,
            "OEBPS/book.opf": package,
            **pages,
        }
    )


def make_docx(*paragraphs: str, table: Sequence[Sequence[str]] = (), header: str = "") -> bytes:
    """A Word document: a table (if any) stands behind the first paragraph."""
    document = docx.Document()
    for number, paragraph in enumerate(paragraphs):
        document.add_paragraph(paragraph)
        if number == 0 and table:
            grid = document.add_table(rows=len(table), cols=len(table[0]))
            for row, cells in zip(grid.rows, table, strict=True):
                for cell, text in zip(row.cells, cells, strict=True):
                    cell.text = text
    if header:
        document.sections[0].header.paragraphs[0].text = header
        document.sections[0].footer.paragraphs[0].text = f"{header}, below"
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()
