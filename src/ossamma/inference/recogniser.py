"""Text to entities: the only decode path.

Windows tile each text; every word's emissions come from the one window that owns it. The CRF then
runs over whole lines, whatever windows they fell into: windows cannot cut an entity.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from ossamma.model.modeling import OssammaForTokenClassification
from ossamma.schema.encoding import Repair, Scheme, decode_tags
from ossamma.schema.errors import ConfigurationError
from ossamma.schema.spans import Document, Entity
from ossamma.tokenization.alignment import AlignedText, align, cut_window, words_of
from ossamma.tokenization.batches import Example, collate, group_by_length
from ossamma.tokenization.features import FeatureSpec, WordFeatures
from ossamma.tokenization.tokenizer import PieceTokenizer
from ossamma.tokenization.windows import Window, tile_words


@dataclass(frozen=True, kw_only=True, slots=True)
class InferenceSettings:
    """How texts are cut into windows and windows into batches. None of it changes what is found
    in a text that fits one window."""

    window_pieces: int = 510
    """Most pieces that a window reads, margins included, special tokens at its ends not."""
    margin_pieces: int = 96
    """Context that a window reads on either side of the words it owns."""
    batch_pieces: int = 8_192
    """Most pieces, padding included, that one forward pass reads."""
    pending_pieces: int = 262_144
    """Texts are gathered up to this many pieces before they are batched by length."""
    decode_words: int = 65_536
    """Most words, padding included, in one pass of the CRF."""

    def __post_init__(self) -> None:
        if self.batch_pieces < self.window_pieces + 2:
            raise ConfigurationError(
                f"batch_pieces must hold at least one window of {self.window_pieces} + 2 pieces, "
                f"got {self.batch_pieces}"
            )


@dataclass(frozen=True, slots=True)
class _Laid:
    """A text laid out: its words, its windows, and a place for the emissions (words, K)."""

    document: Document
    text: AlignedText
    windows: list[Window]
    emissions_WK: Tensor


class OssammaRecogniser:
    """Recognises entities with an OSSAMMA model. Safe to call from several threads."""

    def __init__(
        self,
        model: OssammaForTokenClassification,
        tokenizer: PieceTokenizer,
        settings: InferenceSettings | None = None,
    ) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.settings = settings or InferenceSettings()
        self.features = WordFeatures([FeatureSpec(*s) for s in model.config.word_features])

    @property
    def types(self) -> tuple[str, ...]:
        """The types that this recogniser can find."""
        return self.model.labels.types

    def recognise(self, texts: Sequence[str]) -> list[list[Entity]]:
        """Return the entities of each text, sorted, in character offsets of that text.

        Confidence is the exact posterior probability of the whole span under the CRF.
        """
        if isinstance(texts, str):
            raise TypeError("expected a sequence of texts, got one str; pass [text]")
        documents = (Document(id=str(number), text=text) for number, text in enumerate(texts))
        return [entities for _, entities in self.recognise_documents(documents)]

    def recognise_documents(
        self, documents: Iterable[Document]
    ) -> Iterator[tuple[Document, list[Entity]]]:
        """Yield each document with its entities, in order; memory does not grow with their number.

        A document that comes with words keeps them; other texts are split by our own rules.
        """
        pending: list[_Laid] = []
        num_pieces = 0
        for document in documents:
            laid = self._lay(document)
            pending.append(laid)
            num_pieces += sum(laid.text.num_pieces)
            if num_pieces >= self.settings.pending_pieces:
                yield from self._resolve(pending)
                pending, num_pieces = [], 0
        yield from self._resolve(pending)

    def _lay(self, document: Document) -> _Laid:
        text = align(document, words_of(document), self.tokenizer, self.features)
        windows = tile_words(
            text.num_pieces,
            max_pieces=self.settings.window_pieces,
            margin=self.settings.margin_pieces,
            cuts=text.breaks,
        )
        emissions_WK = torch.empty(len(text.words), self.model.labels.num_tags)
        return _Laid(document, text, windows, emissions_WK)

    def _resolve(self, pending: Sequence[_Laid]) -> Iterator[tuple[Document, list[Entity]]]:
        with torch.inference_mode():
            self._fill_emissions(pending)
            found = self._decode(pending)
        for laid, entities in zip(pending, found, strict=True):
            yield laid.document, entities

    def _fill_emissions(self, pending: Sequence[_Laid]) -> None:
        device = self.model.device
        places = [(laid, window) for laid in pending for window in laid.windows]
        lengths = [
            2 + sum(laid.text.num_pieces[window.start : window.end]) for laid, window in places
        ]
        for group in group_by_length(lengths, max_pieces=self.settings.batch_pieces):
            chosen = [places[index] for index in group]
            cut = [cut_window(laid.text, window, self.tokenizer) for laid, window in chosen]
            batch = collate([Example(window) for window in cut], pad_id=self.tokenizer.pad_id)
            num_words = batch["word_mask"].sum(1)
            words_mask = batch["word_mask"].to(device)
            output = self.model(
                input_ids=batch["input_ids"].to(device),
                attention_mask=batch["attention_mask"].to(device),
                word_features=batch["word_features"].to(device),
                first_pieces=batch["first_pieces"].to(device),
            )
            # Rows are segments in the order of their windows: real words follow each other.
            flat_NK = output.logits[words_mask].float().cpu()
            assert int(num_words.sum()) == len(flat_NK)
            start = 0
            for laid, window in chosen:
                size = window.core_end - window.core_start
                laid.emissions_WK[window.core_start : window.core_end] = flat_NK[
                    start : start + size
                ]
                start += size

    def _decode(self, pending: Sequence[_Laid]) -> list[list[Entity]]:
        """Run the CRF over every line of every text and collect the entities."""
        found: list[list[Entity]] = [[] for _ in pending]
        segments = [
            (number, start, end)
            for number, laid in enumerate(pending)
            if laid.text.words
            for start, end in pairwise((0, *laid.text.breaks, len(laid.text.words)))
        ]
        lengths = [end - start for _, start, end in segments]
        for group in group_by_length(lengths, max_pieces=self.settings.decode_words):
            rows = [segments[index] for index in group]
            emissions_SWK = torch.zeros(
                len(rows), max(end - start for _, start, end in rows), self.model.labels.num_tags
            )
            for row, (number, start, end) in enumerate(rows):
                emissions_SWK[row, : end - start] = pending[number].emissions_WK[start:end]
            num_words = torch.tensor([end - start for _, start, end in rows])
            self._collect(emissions_SWK, num_words, rows, pending, found)
        for entities in found:
            entities.sort()
        return found

    def _collect(
        self,
        emissions_SWK: Tensor,
        num_words_S: Tensor,
        rows: Sequence[tuple[int, int, int]],
        pending: Sequence[_Laid],
        found: list[list[Entity]],
    ) -> None:
        crf = self.model.crf
        device = self.model.device
        width = emissions_SWK.shape[1]
        mask_SW = torch.arange(width)[None, :] < num_words_S[:, None]
        emissions_SWK, mask_SW = emissions_SWK.to(device), mask_SW.to(device)
        tags_SW = crf.viterbi(emissions_SWK, mask_SW)[0].cpu().numpy()
        labels = self.model.labels
        spans = [
            (row, span.first_word, span.end_word - 1, labels.type_index[span.label])
            for row in np.flatnonzero(tags_SW.any(axis=1)).tolist()
            for span in decode_tags(
                [labels.tags[tag] for tag in tags_SW[row, : num_words_S[row]]],
                scheme=Scheme.IOB2,
                repair=Repair.ERROR,
            )[0]
        ]
        if not spans:
            return
        log_p = crf.span_log_probabilities(
            emissions_SWK, mask_SW, torch.tensor(spans, device=device)
        )
        confidences = log_p.double().exp().clamp(0.0, 1.0).tolist()
        for (row, first, last, type_number), confidence in zip(spans, confidences, strict=True):
            number, offset, _ = rows[row]
            laid = pending[number]
            start = laid.text.words[offset + first].start
            end = laid.text.words[offset + last].end
            found[number].append(
                Entity(
                    start, end, labels.types[type_number], laid.document.text[start:end], confidence
                )
            )
