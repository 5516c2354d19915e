"""One document as a source gives it becomes the parts that are fit for pre-training, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from ossamma.data.pretraining.boilerplate import BoilerplateSettings, without_boilerplate
from ossamma.data.pretraining.english import EnglishSettings, language_fault
from ossamma.data.pretraining.normal_form import NormalForm, normal_form
from ossamma.data.pretraining.quality import QualitySettings, fault_of
from ossamma.schema.errors import ConfigurationError
from ossamma.schema.spans import Document

_NEAR_END: Final = 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class CleanSettings:
    """What is done to documents before duplicates are looked for; None leaves a step out."""

    normal_form: NormalForm | None = field(default_factory=NormalForm)
    """Unicode and white space."""
    boilerplate: BoilerplateSettings | None = field(default_factory=BoilerplateSettings)
    """Lines that go."""
    max_characters: int = 100_000
    """A longer document is cut at line ends into parts of about equal length, called `<id>/<n>`,
    which are one group; 0: none is."""
    quality: QualitySettings | None = field(default_factory=QualitySettings)
    """Documents that go."""
    english: EnglishSettings | None = field(default_factory=EnglishSettings)
    """Documents that go because they are in another language."""

    def __post_init__(self) -> None:
        if self.max_characters < 0:
            raise ConfigurationError(f"max_characters must be >= 0, got {self.max_characters}")


class CleanCounts:
    """What went, by rule: documents (or their parts) with their characters, and lines."""

    def __init__(self) -> None:
        self.documents: Counter[str] = Counter()
        self.characters: Counter[str] = Counter()
        self.lines: Counter[str] = Counter()
        self.cut = 0
        """Documents that were cut into parts."""

    def drop(self, rule: str, text: str) -> None:
        """Count a document."""
        self.documents[rule] += 1
        self.characters[rule] += len(text)

    def to_json(self) -> dict[str, object]:
        """Return the counts as JSON values, sorted by rule."""
        return {
            "documents": dict(sorted(self.documents.items())),
            "characters": dict(sorted(self.characters.items())),
            "lines": dict(sorted(self.lines.items())),
            "cut": self.cut,
        }


def clean_parts(
    document: Document, settings: CleanSettings, counts: CleanCounts
) -> Iterator[Document]:
    """Yield what is fit of an unlabelled document: itself, its parts, or nothing."""
    text = document.text
    if settings.normal_form is not None:
        text = normal_form(text, settings.normal_form)
    if settings.boilerplate is not None:
        text, lines = without_boilerplate(text, settings.boilerplate)
        counts.lines.update(lines)
    parts = cut_evenly(text, settings.max_characters)
    counts.cut += len(parts) > 1
    for number, part in enumerate(parts, start=1):
        rule = _fault(part, settings)
        if rule is not None:
            counts.drop(rule, part)
        elif len(parts) == 1:
            yield replace(document, text=part)
        else:
            yield replace(
                document,
                id=f"{document.id}/{number}",
                text=part,
                group=document.group or document.id,
            )


def cut_evenly(text: str, max_characters: int) -> list[str]:
    """Cut a text into the fewest parts of at most so many characters, of about equal length.

    A part ends at a line end if there is one in its second half, else behind a space, else
    anywhere. Nothing but white space is lost. 0 characters: the text is one part.
    """
    parts = []
    while max_characters and len(text) > max_characters:
        size = -(-len(text) // -(-len(text) // max_characters))
        least = int(_NEAR_END * size)
        end = text.rfind("\n", least, size + 1)
        if end < 0:
            end = text.rfind(" ", least, size + 1)
        end = size if end < 0 else end
        parts.append(text[:end].strip())
        text = text[end:].lstrip()
    return [part for part in (*parts, text) if part] or [""]


def _fault(text: str, settings: CleanSettings) -> str | None:
    if not text:
        return "empty"
    rule = fault_of(text, settings.quality) if settings.quality is not None else None
    if rule is None and settings.english is not None:
        rule = language_fault(text, settings.english)
    return rule
