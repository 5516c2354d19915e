"""Entity replacement: another entity of the same type takes the place of a mention.

The simplest augmentation for entity recognition (mention replacement; Dai and Adel 2020,
https://aclanthology.org/2020.coling-main.343): the sentence stays, the name changes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from ossamma.data.augment.casing import has_lower, has_upper, lower, title, upper
from ossamma.data.augment.entity_bank import EntityBank, Slot, Surface, slots_of
from ossamma.data.augment.rewriting import Edit, rewrite
from ossamma.data.augment.units import Standing, Unit, units_of
from ossamma.schema.spans import Document

_ENOUGH = 2  # words with case that show the case of a whole sentence


def replace_entities(
    document: Document,
    rng: Random,
    bank: EntityBank,
    *,
    probability: float = 0.3,
    spare: frozenset[str] = frozenset(),
) -> Document:
    """Replace each mention with this probability by another surface of its kind (`SlotKind`).

    The new surface is never the old one in another case. Determiners and possessives of the
    mention stay. In a sentence written all in small letters or all in capitals the surface is
    written so too, and a capital at the beginning of a sentence is kept; otherwise the surface
    stays as the bank has it. Type, origin and confidence of the annotation stay.

    Mentions that may not be exchanged are left alone: those that `EntityBank.from_documents`
    would not collect, and those with a candidate type in `spare`.
    """
    edits: list[Edit] = []
    setting: _Setting | None = None
    for slot in slots_of(document):
        if not spare.isdisjoint(slot.kind.labels) or rng.random() >= probability:
            continue
        old = document.text[slot.start : slot.end]
        surface = bank.draw(slot.kind, rng, but=old)
        if surface is None:
            continue
        setting = setting or _Setting.of(units_of(document))
        edits.append(_edit(slot, old, surface, setting))
    return rewrite(document, edits, "replace")


@dataclass(frozen=True, slots=True)
class _Setting:
    """How the sentences of a document are written, for words outside annotations.

    `first` are the characters at which sentences begin; `sentence_at` tells the sentence of a
    character at which a unit begins; `cased` has the words with case of each sentence.
    """

    first: frozenset[int]
    sentence_at: dict[int, int]
    cased: dict[int, list[str]]

    @classmethod
    def of(cls, units: Sequence[Unit]) -> _Setting:
        first: dict[int, int] = {}
        cased: dict[int, list[str]] = defaultdict(list)
        for unit in units:
            first.setdefault(unit.sentence, unit.start)
            is_cased = has_lower(unit.text) or has_upper(unit.text)
            if is_cased and unit.standing is Standing.FREE:
                cased[unit.sentence].append(unit.text)
        places = {unit.start: unit.sentence for unit in units}
        return cls(frozenset(first.values()), places, dict(cased))

    def around(self, position: int) -> list[str]:
        """The words with case in the sentence of a unit that begins here."""
        return self.cased.get(self.sentence_at.get(position, -1), [])


def _edit(slot: Slot, old: str, surface: Surface, setting: _Setting) -> Edit:
    text = _fit(surface.text, old, slot, setting)
    # Case folding and changing case differ for a few letters: never let the old text come back.
    return Edit(slot.start, slot.end, surface.text if text == old else text, surface.words)


def _fit(surface: str, old: str, slot: Slot, setting: _Setting) -> str:
    """Write the surface as the sentence of the slot is written."""
    around = setting.around(slot.start)
    if len(around) >= _ENOUGH:
        if has_upper(old) and not has_lower(old) and not any(map(has_lower, around)):
            return upper(surface)
        if has_lower(old) and not has_upper(old) and not any(map(has_upper, around)):
            return lower(surface)
    if slot.start in setting.first and old[0].isupper() and not has_upper(surface):
        return title(surface)
    return surface
