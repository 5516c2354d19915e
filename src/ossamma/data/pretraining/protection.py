"""Held-out labelled sets kept out of pre-training text: whole documents and long sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ossamma.data.leaks import HeldOut, LeakSettings, clean
from ossamma.data.near_index import NearSettings
from ossamma.data.pretraining.prints import PrintMaker
from ossamma.data.readers.jsonl import stream_jsonl
from ossamma.data.text_prints import TextPrint
from ossamma.schema.spans import Document


class Protection:
    """Labelled documents that no pre-training text may repeat, and what was left out for them.

    `counts` has the documents left out as `exact` or `near` duplicates of a held-out one, and those
    that lost a `sentence`.
    """

    def __init__(
        self, paths: Sequence[Path], *, near: NearSettings | None, sentence_words: int
    ) -> None:
        """Read the held-out sets, JSON lines. Memory grows with them, not with the text.

        Raises:
            DataError, FormatError: one cannot be read.
        """
        self._held_out = HeldOut(LeakSettings(sentence_words=sentence_words, near=near))
        for path in paths:
            for document in stream_jsonl(path):
                self._held_out.add(document, path.stem)
        self.counts: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._held_out)

    def apply(
        self, documents: Sequence[Document], prints: Sequence[TextPrint], maker: PrintMaker
    ) -> tuple[list[Document], list[TextPrint]]:
        """Return what may stay of documents, with its prints."""
        if not self._held_out:
            return list(documents), list(prints)
        kept: list[Document] = []
        kept_prints: list[TextPrint] = []
        found = self._held_out.shared_by_each(documents, prints)
        for document, text_print, shared in zip(documents, prints, found, strict=True):
            remaining: Document | None = document
            if shared:
                self.counts[shared[0].kind] += 1
                [(remaining, _)] = clean([document], self._held_out)
            if remaining is document:
                kept.append(document)
                kept_prints.append(text_print)
            elif remaining is not None:
                kept.append(remaining)
                kept_prints += maker.prints([remaining.text])
        return kept, kept_prints
