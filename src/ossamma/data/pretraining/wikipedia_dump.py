"""Wikipedia's `pages-articles` dumps: XML of pages in wikitext, packed or not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import Element

from ossamma.data.pretraining.corpus_stream import CorpusFile, LeftOutCounts
from ossamma.data.pretraining.wikitext import plain_text
from ossamma.data.pretraining.xml_records import children, xml_records
from ossamma.schema.spans import Document, Provenance

_DISAMBIGUATION: Final = re.compile(
    r"\{\{\s*(?:[\w\- ]*disambiguation|disambig|dab|hndis|geodis|surname|given name)\s*[|}]",
    re.IGNORECASE,
)
_REDIRECT: Final = re.compile(r"\s*#redirect\b", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class WikipediaDump:
    """Which pages are read, and what of them."""

    namespaces: tuple[int, ...] = (0,)
    """Numbers of the namespaces; 0 has the articles."""
    disambiguations: bool = False
    """Whether pages that only list articles of one name are read."""
    titles: bool = True
    """Whether a text begins with the title of its page."""


def read_wikipedia_dump(
    file: CorpusFile, settings: WikipediaDump, left_out: LeftOutCounts
) -> Iterator[Document]:
    """Yield the articles, called `wikipedia-<page id>`, as prose (see `wikitext.plain_text`).

    Raises:
        DataError, FormatError: as `xml_records`.
    """
    for element in xml_records(file, "page"):
        page = _Page(element)
        place = f"{file.path}, page {page.id} {page.title[:80]!r}"
        reason = page.reason_to_skip(settings)
        if reason is not None:
            left_out.skip(reason, place)
            continue
        if len(page.wikitext) > file.limits.max_document_characters:
            left_out.skip(f"longer than {file.limits.max_document_characters} characters", place)
            continue
        text = plain_text(page.wikitext)
        if not text:
            left_out.skip("no prose", place)
            continue
        yield Document(
            id=f"wikipedia-{page.id}",
            text=f"{page.title}\n{text}" if settings.titles and page.title else text,
            provenance=Provenance(place),
        )


class _Page:
    """What a page element says."""

    def __init__(self, element: Element) -> None:
        fields = children(element)
        revision = children(fields["revision"]) if "revision" in fields else {}
        self.title = _text(fields.get("title"))
        self.id = _text(fields.get("id"))
        self.namespace = _text(fields.get("ns")) or "0"
        self.model = _text(revision.get("model")) or "wikitext"
        self.wikitext = _text(revision.get("text"))
        self.is_redirect = "redirect" in fields

    def reason_to_skip(self, settings: WikipediaDump) -> str | None:
        """Say why the page is not wanted; None if it is."""
        if self.namespace not in {str(number) for number in settings.namespaces}:
            return "another namespace"
        if self.is_redirect or _REDIRECT.match(self.wikitext):
            return "a redirect"
        if self.model != "wikitext":
            return "no wikitext"
        if not settings.disambiguations and _DISAMBIGUATION.search(self.wikitext):
            return "a disambiguation"
        return None


def _text(element: Element | None) -> str:
    return (element.text or "").strip() if element is not None else ""
