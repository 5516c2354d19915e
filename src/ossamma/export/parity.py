"""Parity: two ways to run a model must find the same, on random texts as on the golden ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from ossamma.export.golden import TOLERANCE, difference, golden_texts, raw_recogniser
from ossamma.inference.recogniser import OssammaRecogniser

NUM_TEXTS: Final = 1_000
_MOST_WORDS: Final = 60
_LETTERS: Final = "aeiounstrlkmABEMST0179.-'\u00e9\u00df\u0416\u6771\U0001f600"
_JOINTS: Final = (" ", " ", " ", " ", " ", "  ", "\n", "\t", "\u00a0", ", ")


@dataclass(frozen=True, kw_only=True, slots=True)
class Parity:
    """How two ways differ."""

    texts: int
    """How many were compared."""
    different: int
    """Texts in which other spans or types were found."""
    greatest: float
    """Greatest difference of two posteriors, over the other texts."""

    @property
    def passed(self) -> bool:
        """Whether all spans are the same, and all posteriors to the tolerance of golden cases."""
        return not self.different and self.greatest <= TOLERANCE

    @property
    def refusal(self) -> str | None:
        """Why there is no release; None if the check is passed."""
        if self.passed:
            return None
        return (
            f"the ONNX graph finds other spans in {self.different} of {self.texts} texts, and its "
            f"posteriors differ by up to {self.greatest:.2g}; expected none, and {TOLERANCE:g}"
        )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON with fixed keys."""
        return {"texts": self.texts, "different": self.different, "greatest": self.greatest}


def random_texts(number: int, seed: int) -> list[str]:
    """Return texts of random length: known words, invented ones and odd letters."""
    random = Random(seed)
    known = [word for text in golden_texts({}) for word in text.split() if len(word) < 40]
    texts = []
    for _ in range(number):
        parts = []
        for _ in range(random.randint(1, random.randint(1, _MOST_WORDS))):
            invented = "".join(random.choices(_LETTERS, k=random.randint(1, 12)))
            parts += [random.choice((random.choice(known), invented)), random.choice(_JOINTS)]
        texts.append("".join(parts))
    return texts


def compare(reference: OssammaRecogniser, other: OssammaRecogniser, texts: Sequence[str]) -> Parity:
    """Compare what two recognisers find, by posteriors before calibration."""
    expected, found = (raw_recogniser(each).recognise(texts) for each in (reference, other))
    apart = [difference(a, b) for a, b in zip(expected, found, strict=True)]
    same = [each for each in apart if each != float("inf")]
    return Parity(
        texts=len(texts), different=len(apart) - len(same), greatest=max(same, default=0.0)
    )
