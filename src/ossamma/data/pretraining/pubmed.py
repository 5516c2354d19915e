"""PubMed's baseline and update files: XML of citations, of which title and abstract are read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import Element

from ossamma.data.pretraining.corpus_stream import CorpusFile, LeftOutCounts
from ossamma.data.pretraining.xml_records import children, inner_text, local_name, xml_records
from ossamma.schema.spans import Document, Provenance

_UNLABELLED: Final = frozenset({"", "UNLABELLED", "UNASSIGNED"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Pubmed:
    """What of a citation is read."""

    labels: bool = True
    """Whether the parts of a structured abstract begin with their labels, as `METHODS: `."""
    titles_alone: bool = False
    """Whether a citation without abstract is read."""


def read_pubmed(file: CorpusFile, settings: Pubmed, left_out: LeftOutCounts) -> Iterator[Document]:
    """Yield one document for each citation: the title, then each part of the abstract on a line.

    Documents are called `pubmed-<PMID>`. Titles of articles in other languages are the translated
    ones, without their brackets; abstracts in other languages are not read.

    Raises:
        DataError, FormatError: as `xml_records`.
    """
    for number, article in enumerate(xml_records(file, "PubmedArticle"), start=1):
        place = f"{file.path}, citation {number}"
        citation = children(article).get("MedlineCitation")
        fields = children(citation) if citation is not None else {}
        identifier = inner_text(fields.get("PMID"))
        if not identifier or "Article" not in fields:
            left_out.fault("a citation without PMID or article", place)
            continue
        parts = children(fields["Article"])
        title = _title(inner_text(parts.get("ArticleTitle")))
        abstract = _abstract(parts.get("Abstract"), with_labels=settings.labels)
        if not abstract and not settings.titles_alone:
            left_out.skip("no abstract", f"{place} (PMID {identifier})")
            continue
        yield Document(
            id=f"pubmed-{identifier}",
            text="\n".join(line for line in (title, *abstract) if line),
            provenance=Provenance(place),
        )


def _title(title: str) -> str:
    """Return a title without the brackets that say that it was translated."""
    if title.startswith("[") and title.rstrip(".").endswith("]"):
        return title.rstrip(".")[1:-1].rstrip()
    return title


def _abstract(abstract: Element | None, *, with_labels: bool) -> list[str]:
    """Return the parts of an abstract; its copyright line is none of them."""
    lines = []
    for part in abstract if abstract is not None else ():
        text = inner_text(part) if local_name(part) == "AbstractText" else ""
        label = " ".join(part.get("Label", "").split())
        if text and with_labels and label.upper() not in _UNLABELLED:
            text = f"{label}: {text}"
        if text:
            lines.append(text)
    return lines
