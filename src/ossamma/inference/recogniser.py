"""Text to entities: the only decode path.

Windows tile each text; every word's emissions come from the one window that owns it. The CRF then
runs over whole lines, whatever windows they fell into: windows cannot cut an entity.

Confidence is the posterior of the span, calibrated where the model comes with a calibration.
Thresholds remove entities of the best path; they never add one.

N words (or spans, of confidences), S lines, W words of the longest line, K tags.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ossamma.inference.calibration import Calibration, ThresholdPolicy
from ossamma.inference.passes import plan_passes
from ossamma.inference.readings import (
    DocumentReading,
    SpanReading,
    document_reading,
    place_spans,
    read_spans,
)
from ossamma.inference.scorers import Scorer, TorchScorer
from ossamma.inference.settings import InferenceSettings
from ossamma.model.modeling import OssammaForTokenClassification
from ossamma.schema.encoding import Repair, Scheme, decode_tags
from ossamma.schema.errors import ConfigurationError
from ossamma.schema.spans import Document, Entity
from ossamma.tokenization.alignment import AlignedText, align, cut_window, words_of
from ossamma.tokenization.batches import Example, collate, group_by_length
from ossamma.tokenization.features import FeatureSpec, WordFeatures
from ossamma.tokenization.tokenizer import PieceTokenizer
from ossamma.tokenization.windows import Window, tile_words

_Span: TypeAlias = tuple[int, int, int, int]
"""Row, first word, last word and type of an entity on the best path."""


@dataclass(frozen=True, slots=True)
class LaidText:
    """A text laid out: its words, its windows with their pieces, and a place for the emissions."""

    document: Document
    text: AlignedText
    num_pieces: int
    windows: list[Window]
    lengths: list[int]
    emissions_NK: Tensor


@dataclass(frozen=True, slots=True)
class _Line:
    """The words [start, end) of the text number `text`: what one sequence of the CRF runs over."""

    text: int
    start: int
    end: int

    @property
    def num_words(self) -> int:
        return self.end - self.start


class OssammaRecogniser:
    """Recognises entities with an OSSAMMA model. Safe to call from several threads."""

    def __init__(
        self,
        model: OssammaForTokenClassification,
        tokenizer: PieceTokenizer,
        settings: InferenceSettings | None = None,
        calibration: Calibration | None = None,
        *,
        scorer: Scorer | None = None,
    ) -> None:
        """Take the parts of a bundle.

        Args:
            model: the tagger; its CRF decodes.
            tokenizer: the one it was trained with.
            settings: how texts are windowed and batched, and what is left out.
            calibration: what makes confidences of posteriors.
            scorer: what runs the encoder; None means the model itself.

        Raises:
            ConfigurationError: the settings want thresholds that the calibration does not have.
        """
        self.model = model
        self.tokenizer = tokenizer
        self.settings = (settings or InferenceSettings()).within(model.config.longest_window)
        self.calibration = calibration
        self.scorer: Scorer = scorer or TorchScorer(model)
        self._refuse_missing_thresholds()
        self.features = WordFeatures([FeatureSpec(*s) for s in model.config.word_features])

    @property
    def types(self) -> tuple[str, ...]:
        """The types that this recogniser can find."""
        return self.model.labels.types

    def recognise(self, texts: Sequence[str]) -> list[list[Entity]]:
        """Return the entities of each text, sorted, in character offsets of that text.

        Confidence is the exact posterior probability of the whole span under the CRF; with a
        calibration, the calibrated one.

        Raises:
            TypeError: `texts` is one string, or holds something that is no string.
        """
        if isinstance(texts, str | bytes):
            raise TypeError("expected a sequence of texts, got a single one; pass [text]")
        documents = []
        for number, text in enumerate(texts):
            if not isinstance(text, str):
                raise TypeError(
                    f"expected texts of type str, got {type(text).__name__} at {number}"
                )
            documents.append(Document(id=str(number), text=text))
        return [entities for _, entities in self.recognise_documents(documents)]

    def recognise_documents(
        self, documents: Iterable[Document]
    ) -> Iterator[tuple[Document, list[Entity]]]:
        """Yield each document with its entities, in order; memory does not grow with their number.

        A document that comes with words keeps them; other texts are split by our own rules.
        """
        for pending in self._laid_out(documents):
            found = self.decode(pending)
            for laid, entities in zip(pending, found, strict=True):
                yield laid.document, entities

    def read_documents(self, documents: Iterable[Document]) -> Iterator[DocumentReading]:
        """Yield each labelled document with what is found in it, and how its marks are read.

        Entities are those of `recognise_documents`; readings are raw posteriors, so that settings
        without calibration fit best.
        """
        for pending in self._laid_out(documents):
            with torch.inference_mode():
                readings = self._read(pending, self.decode(pending))
            yield from readings

    def _laid_out(self, documents: Iterable[Document]) -> Iterator[list[LaidText]]:
        """Yield so many texts as are batched together, with their emissions."""
        assert not self.model.training, "recognition needs the model in its eval mode"
        pending: list[LaidText] = []
        num_pieces = 0
        for document in documents:
            pending.append(self.lay_out(document))
            num_pieces += pending[-1].num_pieces
            if num_pieces >= self.settings.pending_pieces:
                self._encode_all(pending)
                yield pending
                pending, num_pieces = [], 0
        self._encode_all(pending)
        yield pending

    def _encode_all(self, pending: Sequence[LaidText]) -> None:
        self.encode([(laid, n) for laid in pending for n in range(len(laid.windows))])

    def lay_out(self, document: Document) -> LaidText:
        """Take the first of three stages: words and windows, no network yet.

        `recognise` is `lay_out` of each text, `encode` of all their windows in any order and any
        company, then `decode`; a server calls the stages itself, to let texts take turns.
        """
        text = align(document, words_of(document), self.tokenizer, self.features)
        num_pieces = text.num_pieces
        windows = tile_words(
            num_pieces,
            max_pieces=self.settings.window_pieces,
            margin=self.settings.margin_pieces,
            cuts=text.breaks,
        )
        before = [0, *accumulate(num_pieces)]
        lengths = [before[window.end] - before[window.start] for window in windows]
        emissions_NK = torch.empty(len(text.words), self.model.labels.num_tags)
        return LaidText(document, text, before[-1], windows, lengths, emissions_NK)

    def encode(self, windows: Sequence[tuple[LaidText, int]]) -> None:
        """Run the encoder over windows (text, number), those of like length together."""
        # [CLS] and [SEP] stand around every window.
        lengths = [laid.lengths[number] + 2 for laid, number in windows]
        for group in self._passes_over(lengths):
            places = [windows[index] for index in group]
            chosen = [(laid, laid.windows[number]) for laid, number in places]
            with torch.inference_mode():
                emissions_NK = self._emissions_of(chosen)
            start = 0
            for laid, window in chosen:
                end = start + window.core_end - window.core_start
                laid.emissions_NK[window.core_start : window.core_end] = emissions_NK[start:end]
                start = end
            assert start == len(emissions_NK), "every word belongs to one window"

    def _passes_over(self, lengths: Sequence[int]) -> Iterator[list[int]]:
        """Yield the indices of the windows that share a pass, within the budget of a batch."""
        for group in group_by_length(lengths, max_pieces=self.settings.batch_pieces):
            shorter = [lengths[index] for index in group]
            for chosen in plan_passes(shorter, overhead=self.settings.pass_overhead):
                yield [group[index] for index in chosen]

    def _emissions_of(self, chosen: Sequence[tuple[LaidText, Window]]) -> Tensor:
        """Emissions (N, K) of the words that these windows own, in their order."""
        cut = [cut_window(laid.text, window, self.tokenizer) for laid, window in chosen]
        batch = collate([Example(window) for window in cut], pad_id=self.tokenizer.pad_id)
        # Rows are lines in the order of their windows, so real words follow each other.
        emissions_NK: Tensor = self.scorer(batch)[batch["word_mask"]]
        return emissions_NK

    @torch.inference_mode()
    def decode(self, pending: Sequence[LaidText]) -> list[list[Entity]]:
        """Run the CRF over every line of texts whose windows are all encoded; sorted entities."""
        found: list[list[Entity]] = [[] for _ in pending]
        for rows, emissions_SWK, mask_SW in self._rows_of(pending):
            spans = self._best_spans(emissions_SWK, mask_SW)
            if not spans:
                continue
            log_p = self.model.crf.span_log_probabilities(
                emissions_SWK, mask_SW, torch.tensor(spans, device=mask_SW.device)
            )
            posteriors_N = log_p.double().exp().clamp(0.0, 1.0).cpu().numpy()
            for span, confidence in self._kept(spans, posteriors_N):
                line = rows[span[0]]
                found[line.text].append(self._entity(pending[line.text], line, span, confidence))
        for entities in found:
            entities.sort()
        return found

    def _rows_of(self, pending: Sequence[LaidText]) -> Iterator[tuple[list[_Line], Tensor, Tensor]]:
        """Yield the lines of all texts in batches of like length, with emissions and mask."""
        lines = [
            _Line(number, start, end)
            for number, laid in enumerate(pending)
            if laid.text.words
            for start, end in pairwise((0, *laid.text.breaks, len(laid.text.words)))
        ]
        for group in group_by_length(
            [line.num_words for line in lines], max_pieces=self.settings.decode_words
        ):
            rows = [lines[index] for index in group]
            yield rows, *self._stack(rows, pending)

    def _read(
        self, pending: Sequence[LaidText], found: Sequence[Sequence[Entity]]
    ) -> list[DocumentReading]:
        """Read the annotations of each text, and the entities that were found in it."""
        asked = [
            place_spans(
                laid.text,
                (*(laid.document.annotations or ()), *entities),
                self.model.labels.type_index,
            )
            for laid, entities in zip(pending, found, strict=True)
        ]
        known: list[dict[int, SpanReading]] = [{} for _ in pending]
        outside = [torch.zeros(len(laid.text.words), dtype=torch.float64) for laid in pending]
        for rows, emissions_SWK, mask_SW in self._rows_of(pending):
            places, types, keys = [], [], []
            outside_SW = self.model.crf.marginals(emissions_SWK, mask_SW)[:, :, 0].double().cpu()
            for row, line in enumerate(rows):
                outside[line.text][line.start : line.end] = outside_SW[row, : line.num_words]
                for place in asked[line.text].get(line.start, ()):
                    places.append((row, place.first - line.start, place.last - line.start))
                    types.append(place.types)
                    keys.append((line.text, place.index))
            readings = read_spans(self.model.crf, emissions_SWK, mask_SW, places, types)
            for (number, index), reading in zip(keys, readings, strict=True):
                known[number][index] = reading
        return [
            document_reading(
                laid.document, laid.text.words, entities, known[number], outside[number].numpy()
            )
            for number, (laid, entities) in enumerate(zip(pending, found, strict=True))
        ]

    def _kept(
        self, spans: Sequence[_Span], posteriors_N: NDArray[np.float64]
    ) -> Iterator[tuple[_Span, float]]:
        """Yield the spans that the thresholds keep, with their confidence."""
        settings = self.settings
        confidences_N = posteriors_N
        keep_N = np.ones(len(spans), dtype=np.bool_)
        if self.calibration is not None and settings.calibrated:
            types = [self.model.labels.types[span[3]] for span in spans]
            confidences_N = self.calibration.apply(posteriors_N, types)
            if settings.thresholds != ThresholdPolicy.NONE:
                thresholds = self.calibration.thresholds[settings.thresholds]
                keep_N &= thresholds.keep(confidences_N, types)
        keep_N &= confidences_N >= settings.min_confidence
        for index in np.flatnonzero(keep_N).tolist():
            yield spans[index], float(confidences_N[index])

    def _refuse_missing_thresholds(self) -> None:
        policy = self.settings.thresholds
        offered = self.calibration.thresholds if self.calibration else {}
        if policy != ThresholdPolicy.NONE and policy not in offered:
            raise ConfigurationError(
                f"expected a model with thresholds for {policy!s}, got one with "
                f"{', '.join(offered) or 'none'}; fit some with `ossamma calibrate`"
            )

    def _stack(self, rows: Sequence[_Line], pending: Sequence[LaidText]) -> tuple[Tensor, Tensor]:
        """Return emissions (S, W, K) and mask (S, W) of these lines."""
        num_words_S = torch.tensor([line.num_words for line in rows])
        width = int(num_words_S.max())
        emissions_SWK = torch.zeros(len(rows), width, self.model.labels.num_tags)
        for row, line in enumerate(rows):
            emissions_NK = pending[line.text].emissions_NK
            emissions_SWK[row, : line.num_words] = emissions_NK[line.start : line.end]
        mask_SW = torch.arange(width)[None, :] < num_words_S[:, None]
        return emissions_SWK.to(self.model.device), mask_SW.to(self.model.device)

    def _best_spans(self, emissions_SWK: Tensor, mask_SW: Tensor) -> list[_Span]:
        """Return (row, first word, last word, type) of every entity on the best paths."""
        labels = self.model.labels
        tags_SW = self.model.crf.viterbi(emissions_SWK, mask_SW)[0].cpu().numpy()
        return [
            (row, span.first_word, span.end_word - 1, labels.type_index[span.label])
            for row in np.flatnonzero(tags_SW.any(axis=1)).tolist()
            for span in decode_tags(
                [labels.tags[tag] for tag in tags_SW[row]],  # padding is O
                scheme=Scheme.IOB2,
                repair=Repair.ERROR,
            )[0]
        ]

    def _entity(self, laid: LaidText, line: _Line, span: _Span, confidence: float) -> Entity:
        """Turn a span of a line's words into an entity of the text."""
        _, first, last, type_number = span
        start = laid.text.words[line.start + first].start
        end = laid.text.words[line.start + last].end
        label = self.model.labels.types[type_number]
        return Entity(start, end, label, laid.document.text[start:end], confidence)
