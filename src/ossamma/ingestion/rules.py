"""Lexicons and patterns as a recogniser: precise, untrained, and never complete."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources.abc import Traversable
from pathlib import Path

from ossamma.data.autolabel.labeller import Labeller, load_labeller
from ossamma.data.autolabel.rules import LEXICONS_FILE, PATTERNS_FILE, read_lexicon_rules
from ossamma.graph.knowledge import compatible
from ossamma.ingestion.files import content_hash
from ossamma.schema.hierarchy import Hierarchy
from ossamma.schema.spans import Annotation, Entity


@dataclass(frozen=True, slots=True)
class RuleRecogniser:
    """A labeller's marks as entities.

    A mark that leaves several types open counts where their graph labels are one or are commonly
    confused; else it is left out. Its type is that of the source that won, by `types_of`, or the
    first where that leaves it open, too.
    """

    labeller: Labeller
    hierarchy: Hierarchy
    types_of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def recognise(self, texts: Sequence[str]) -> list[list[Entity]]:
        """Return the entities of each text, in offsets of that text."""
        return [
            [
                Entity(mark.start, mark.end, self._type(mark), text[mark.start : mark.end],
                       mark.confidence, mark.origin)
                for mark in self.labeller.label(text)
                if self._is_plain(mark)
            ]
            for text in texts
        ]  # fmt: skip

    def _type(self, mark: Annotation) -> str:
        own = self.types_of.get(mark.origin, ())
        return next((label for label in mark.labels if label in own), mark.labels[0])

    def _is_plain(self, mark: Annotation) -> bool:
        first, *others = (self.hierarchy.super_label(label) for label in mark.labels)
        return all(other == first or other in compatible(first) for other in others)


def load_rule_recogniser(
    rules: Traversable, knowledge: Path, hierarchy: Hierarchy
) -> tuple[RuleRecogniser, str]:
    """Return the recogniser of a profile's rules, and the name of what it knows: a hash.

    Raises:
        ProfileError: the rules say something inconsistent.
        DataError: a knowledge file is missing or not what its source expects.
    """
    digest = hashlib.sha256()
    for name in (LEXICONS_FILE, PATTERNS_FILE):
        digest.update(rules.joinpath(name).read_bytes())
    for file in rule_files(rules, knowledge):
        digest.update(content_hash(file).encode("ascii"))
    sources = read_lexicon_rules(rules.joinpath(LEXICONS_FILE)).sources
    types_of = {f"lexicon:{rule.source.name}": rule.labels for rule in sources}
    made = RuleRecogniser(load_labeller(rules, knowledge), hierarchy, types_of)
    return made, f"rules:{digest.hexdigest()[:16]}"


def rule_files(rules: Traversable, knowledge: Path) -> list[Path]:
    """Return the knowledge files that the rules of a folder name, each once, in order."""
    sources = read_lexicon_rules(rules.joinpath(LEXICONS_FILE)).sources
    patterns = {pattern for source in sources for pattern in source.files}
    return sorted({file for pattern in patterns for file in knowledge.glob(pattern)})
