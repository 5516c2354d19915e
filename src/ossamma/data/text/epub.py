"""EPUB to text: the chapters of a book in reading order."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit
from xml.etree.ElementTree import Element

from ossamma.data.text.archive import Archive, open_archive
from ossamma.data.text.extracted import DEFAULT_TEXT, ExtractedText, PartStart, TextSettings
from ossamma.data.text.markup import extract_html
from ossamma.schema.errors import FormatError

CONTAINER: Final = "META-INF/container.xml"
_ENCRYPTION: Final = "META-INF/encryption.xml"
_PAGES: Final = frozenset({"application/xhtml+xml", "text/html", "application/xml"})


@dataclass(frozen=True, slots=True)
class _Item:
    """One file of the book: its place in the archive and its media type."""

    name: str
    media_type: str


def extract_epub(
    path: str | Path, raw: bytes, settings: TextSettings = DEFAULT_TEXT
) -> ExtractedText:
    """Extract the text of a book, its chapters separated by blank lines.

    The order is that of the book's spine; pages outside it, or marked as not part of the reading
    order, are left out. Chapters go through the HTML extractor.

    Raises:
        FormatError: a damaged or copy-protected book, a chapter that is missing or unreadable, or
            XML that declares entities.
        DataError: a book beyond the limits of the settings.
    """
    texts: list[str] = []
    starts: list[PartStart] = []
    position = 0
    with open_archive(path, raw, settings) as archive:
        chapters, warnings = _spine(archive)
        _refuse_protection(archive, chapters)
        for chapter in chapters:
            page = archive.read(chapter.name)
            text = extract_html(f"{path}!{chapter.name}", page, settings).text
            if text:
                starts.append(PartStart(position, chapter.name))
                texts.append(text)
                position += len(text) + 2
    if not texts:
        raise FormatError(
            path, None, expected="a book with text", got="chapters without any (are they images?)"
        )
    return ExtractedText(
        text="\n\n".join(texts), format="epub", parts=tuple(starts), warnings=tuple(warnings)
    )


def _spine(archive: Archive) -> tuple[list[_Item], list[str]]:
    """The chapters in reading order, and what was left out."""
    package_name = _package_name(archive)
    package = archive.read_xml(package_name)
    items = dict(_manifest(archive, package, posixpath.dirname(package_name)))
    chapters: list[_Item] = []
    others = asides = 0
    for reference in _all(package, "itemref"):
        item = items.get(reference.get("idref", ""))
        if item is None:
            raise archive.fault(
                f"a manifest that lists every chapter of the spine in {package_name!r}",
                f"no item {reference.get('idref')!r}",
            )
        if reference.get("linear") == "no":
            asides += 1
        elif item.media_type not in _PAGES:
            others += 1
        else:
            chapters.append(item)
    if not chapters:
        raise archive.fault(f"a spine with chapters in {package_name!r}", "none")
    counted = ((asides, "pages outside the reading order"), (others, "chapters that are no pages"))
    return chapters, [f"{count} {what} left out" for count, what in counted if count]


def _package_name(archive: Archive) -> str:
    for root_file in _all(archive.read_xml(CONTAINER), "rootfile"):
        name = root_file.get("full-path", "")
        if name in archive.names:
            return name
    raise archive.fault(f"the book's package file, named in {CONTAINER}", "no such member")


def _manifest(archive: Archive, package: Element, folder: str) -> Iterator[tuple[str, _Item]]:
    for item in _all(package, "item"):
        link = unquote(urlsplit(item.get("href", "")).path)
        name = posixpath.normpath(posixpath.join(folder, link))
        media_type = item.get("media-type", "")
        if media_type in _PAGES and name.startswith(("..", "/")):
            raise archive.fault("chapters inside the book", f"the path {name!r}")
        yield item.get("id", ""), _Item(name, media_type)


def _refuse_protection(archive: Archive, chapters: list[_Item]) -> None:
    """Encrypted fonts are common and harmless; encrypted chapters cannot be read."""
    if _ENCRYPTION not in archive.names:
        return
    locked = {
        unquote(reference.get("URI", ""))
        for reference in _all(archive.read_xml(_ENCRYPTION), "CipherReference")
    }
    for chapter in chapters:
        if chapter.name in locked:
            raise archive.fault("a book without copy protection", f"{chapter.name!r} encrypted")


def _all(root: Element, name: str) -> Iterator[Element]:
    """Every element of this name, in whatever namespace the book's program used."""
    return (element for element in root.iter() if element.tag.rpartition("}")[2] == name)
