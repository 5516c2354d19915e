"""AugmentationPolicy and `augment`: a stream of training documents with altered copies between."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from random import Random
from typing import Final

from ossamma.data.augment.context import shuffle_context
from ossamma.data.augment.draws import seeded
from ossamma.data.augment.entity_bank import EntityBank
from ossamma.data.augment.entity_replacement import replace_entities
from ossamma.data.augment.mention_dropout import drop_mentions
from ossamma.data.augment.noise import add_typos, change_case, change_spaces
from ossamma.data.augment.synonyms import SynonymTable, english_synonyms, substitute_synonyms
from ossamma.schema.errors import ConfigurationError
from ossamma.schema.spans import Document

Step = Callable[[Document, Random], Document]
"""An augmentation with its settings; it returns the very document where it changes nothing."""

_RATES: Final = (
    "replacement",
    "dropout",
    "shuffling",
    "synonyms",
    "spaces",
    "typos",
    "casing",
)
"""The steps in their order; each is named like the policy's field with its rate."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AugmentationPolicy:
    """What is done to the copies of training documents, and how often.

    The steps run in the order of the fields; a rate of 0 leaves a step out. Only replacement is
    on by default: how much of the others helps is for measurement on the data at hand to say.
    """

    copies: int = 1
    """Altered copies of each document."""
    replacement: float = 0.3
    """Probability that a mention gives way to another entity of its type."""
    dropout: float = 0.0
    """Probability that a mention becomes nonsense of the same shape."""
    decoys: float = 1.0
    """Words outside mentions that become nonsense for each word inside them that does."""
    shuffling: float = 0.0
    """Probability that a window of plain words is permuted."""
    window: int = 3
    """Words in such a window."""
    synonyms: float = 0.0
    """Share of the words with synonyms that are replaced by one."""
    spaces: float = 0.0
    """Share of the gaps between words whose white space is changed."""
    typos: float = 0.0
    """Share of the words that are mistyped."""
    inside_mentions: bool = False
    """Whether white space and typing errors also go into mentions."""
    casing: float = 0.0
    """Probability that a text is written in another case as a whole."""
    spare: frozenset[str] = frozenset()
    """Types whose mentions are neither replaced nor dropped."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "spare", frozenset(self.spare))
        for name in _RATES:
            self._require(name, "in [0, 1]", fits=0.0 <= getattr(self, name) <= 1.0)
        self._require("decoys", "at least 0", fits=self.decoys >= 0.0)
        self._require("copies", "at least 1", fits=self.copies >= 1)
        self._require("window", "at least 2", fits=self.window >= 2)

    def _require(self, name: str, expected: str, *, fits: bool) -> None:
        if not fits:
            raise ConfigurationError(f"{name} must be {expected}, got {getattr(self, name)!r}")


@dataclass(frozen=True, kw_only=True, slots=True)
class AugmentationReport:
    """What has come out of a stream so far."""

    documents: int
    """Originals."""
    copies: int
    """Altered copies, all of them different from their originals."""
    unchanged: int
    """Copies in which nothing changed; they are left out, for they would only add weight."""
    left_alone: int
    """Originals that get no copies: without annotations, or of weight 0."""
    steps: Mapping[str, int]
    """How many copies each step has changed."""


class AugmentedDocuments(Iterator[Document]):
    """A stream of originals, each followed by its copies; `report` counts what was read of it."""

    def __init__(
        self,
        documents: Iterable[Document],
        steps: Mapping[str, Step],
        *,
        seed: int,
        epoch: int,
        copies: int,
    ) -> None:
        self._steps = steps
        self._key = (seed, epoch)
        self._numbers = range(epoch * copies, (epoch + 1) * copies)
        self._counts: Counter[str] = Counter()
        self._changed: Counter[str] = Counter()
        self._stream = self._run(documents)

    def __next__(self) -> Document:
        """Return the next document."""
        return next(self._stream)

    @property
    def report(self) -> AugmentationReport:
        """The counts so far."""
        names = ("documents", "copies", "unchanged", "left_alone")
        return AugmentationReport(
            **{name: self._counts[name] for name in names},
            steps={name: self._changed[name] for name in self._steps},
        )

    def _run(self, documents: Iterable[Document]) -> Iterator[Document]:
        for document in documents:
            self._counts["documents"] += 1
            yield document
            if document.annotations is None or document.weight == 0.0:
                self._counts["left_alone"] += 1
                continue
            for number in self._numbers:
                copy = self._vary(document, number)
                self._counts["unchanged" if copy is document else "copies"] += 1
                if copy is not document:
                    yield copy

    def _vary(self, document: Document, number: int) -> Document:
        """Run all steps on a document. Each step has a generator of its own.

        So a step does the same whatever rates the others have, as far as it meets the same text.
        """
        copy = document
        for name, step in self._steps.items():
            altered = step(copy, seeded(*self._key, number, name, document.id))
            self._changed[name] += altered is not copy
            copy = altered
        if copy is document or number == 0:
            return copy
        return replace(copy, id=f"{copy.id}~{number + 1}")


def augment(
    documents: Iterable[Document],
    policy: AugmentationPolicy,
    *,
    seed: int,
    epoch: int = 0,
    bank: EntityBank | None = None,
    synonyms: SynonymTable | None = None,
) -> AugmentedDocuments:
    """Stream documents, each followed by its altered copies. For the training side only.

    What becomes of a document is decided by `seed`, `epoch`, the policy and its own id, never by
    the documents around it or their order. A copy keeps weight, data set, provenance and
    `annotates`; its id adds what was done (`<id>+replace+typos`, and `~2`, `~3`, ... for further
    copies and epochs); its group is the original's, or the original's id where that has none, so
    that a split by group does not part them. Documents are read one at a time.

    Args:
        documents: originals; copies must not be fed back.
        policy: what to do.
        seed: any integer.
        epoch: 0 or more; every epoch gives other copies.
        bank: surfaces of the training documents; needed for replacement.
        synonyms: the table to use; None takes the built-in English one.

    Raises:
        ConfigurationError: replacement without a bank, or a negative epoch.
    """
    if epoch < 0:
        raise ConfigurationError(f"epoch must be at least 0, got {epoch}")
    return AugmentedDocuments(
        documents,
        _steps(policy, bank, synonyms),
        seed=seed,
        epoch=epoch,
        copies=policy.copies,
    )


def _steps(
    policy: AugmentationPolicy, bank: EntityBank | None, synonyms: SynonymTable | None
) -> dict[str, Step]:
    """The steps whose rate is above 0, in their order."""
    if bank is None:
        if policy.replacement:
            raise ConfigurationError(
                "replacement needs surfaces to draw from: give "
                "bank=EntityBank.from_documents(training documents), or set replacement to 0"
            )
        bank = EntityBank.from_documents(())
    table = english_synonyms() if synonyms is None else synonyms
    spare, inside = policy.spare, policy.inside_mentions
    steps: dict[str, Step] = {
        "replacement": partial(
            replace_entities, bank=bank, probability=policy.replacement, spare=spare
        ),
        "dropout": partial(
            drop_mentions, probability=policy.dropout, decoys=policy.decoys, spare=spare
        ),
        "shuffling": partial(shuffle_context, probability=policy.shuffling, window=policy.window),
        "synonyms": partial(substitute_synonyms, table=table, rate=policy.synonyms),
        "spaces": partial(change_spaces, rate=policy.spaces, inside_mentions=inside),
        "typos": partial(add_typos, rate=policy.typos, inside_mentions=inside),
        "casing": partial(change_case, probability=policy.casing),
    }
    return {name: steps[name] for name in _RATES if getattr(policy, name) > 0.0}
