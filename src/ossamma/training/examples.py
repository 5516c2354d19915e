"""Labelled documents to training examples: windows with the tags that the annotation allows."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from ossamma.schema.errors import DataError
from ossamma.schema.labels import LabelSet
from ossamma.schema.spans import Document, Span
from ossamma.schema.supervision import WordSpan, allowed_tags, lay_on_words, split_at_borders
from ossamma.tokenization.alignment import align, cut_window, words_of
from ossamma.tokenization.batches import Example
from ossamma.tokenization.features import WordFeatures
from ossamma.tokenization.tokenizer import PieceTokenizer
from ossamma.tokenization.windows import tile_words


@dataclass(frozen=True, slots=True)
class ExampleReport:
    """What became of the documents: sizes, and everything that did not go straight."""

    documents: int = 0
    empty_documents: int = 0
    unweighted_documents: int = 0
    words: int = 0
    pieces: int = 0
    windows: int = 0
    entities: int = 0
    borders_inside_words: int = 0
    """Annotation borders that fell inside a word of our splitting; the word was cut there."""
    entities_across_lines: int = 0
    """Annotations that run over a line or sentence border; each line's part is taught as one."""
    entities_across_windows: int = 0
    """Annotations cut by a window; their words are left unsupervised."""

    def __add__(self, other: ExampleReport) -> ExampleReport:
        """Add all counts."""
        return ExampleReport(
            *(getattr(self, name) + getattr(other, name) for name in self.__slots__)
        )


class ExampleBuilder:
    """Turns documents into examples for one tokenizer, feature set and label set."""

    def __init__(
        self,
        tokenizer: PieceTokenizer,
        features: WordFeatures,
        labels: LabelSet,
        *,
        window_pieces: int,
    ) -> None:
        self.tokenizer = tokenizer
        self.features = features
        self.labels = labels
        self.window_pieces = window_pieces

    def build(self, documents: Iterable[Document]) -> tuple[list[Example], ExampleReport]:
        """Return the windows of all documents, in order, and a report.

        Documents without words, and those of weight 0, give no example and are counted.

        Raises:
            DataError: a document without annotations.
            AnnotationError: annotations that a flat tagger cannot express.
            LabelError: a type outside the label set.
        """
        examples: list[Example] = []
        report = ExampleReport()
        for document in documents:
            built, part = self._build(document)
            examples.extend(built)
            report += part
        return examples, report

    def _build(self, document: Document) -> tuple[list[Example], ExampleReport]:
        if document.annotations is None:
            raise DataError(
                f"{document.where}: expected annotations to train on, got unlabelled text"
            )
        if document.weight == 0.0:
            return [], ExampleReport(documents=1, unweighted_documents=1)
        own = words_of(document)
        words = tuple(split_at_borders(own, document.annotations))
        if not words:
            return [], ExampleReport(documents=1, empty_documents=1)
        spans = lay_on_words(document, words)
        if len(words) != len(own) and document.words is not None:
            document = _with_words(document, words)
        text = align(document, words, self.tokenizer, self.features)
        parts = _part_at_breaks(spans, text.breaks)
        num_pieces = text.num_pieces
        windows = tile_words(num_pieces, max_pieces=self.window_pieces, margin=0, cuts=text.breaks)
        starts = [window.core_start for window in windows]
        cut = [span for span in parts if _is_cut(span, starts)]
        allowed = allowed_tags(parts, len(words), self.labels, annotates=document.annotates)
        for span in cut:
            allowed[span.first_word : span.end_word] = True
            # What stands before it ends there: it cannot reach into these words.
            allowed[span.first_word, 2::2] = False
        # Each segment is a CRF sequence of its own: it cannot begin inside an entity.
        allowed[[*text.breaks, *starts], 2::2] = False
        examples = [
            Example(
                cut_window(text, window, self.tokenizer),
                allowed[window.core_start : window.core_end],
                document.weight,
            )
            for window in windows
        ]
        return examples, ExampleReport(
            documents=1,
            words=len(words),
            pieces=sum(num_pieces),
            windows=len(windows),
            entities=len(spans),
            borders_inside_words=len(words) - len(own),
            entities_across_lines=len(set(spans) - set(parts)),
            entities_across_windows=len(cut),
        )


def _part_at_breaks(spans: Sequence[WordSpan], breaks: Sequence[int]) -> list[WordSpan]:
    """Cut spans where a line or sentence begins inside them; each part is an entity."""
    parts = []
    for span in spans:
        inside = breaks[bisect_right(breaks, span.first_word) : bisect_left(breaks, span.end_word)]
        borders = (span.first_word, *inside, span.end_word)
        parts += [WordSpan(first, end, span.labels) for first, end in pairwise(borders)]
    return parts


def _is_cut(span: WordSpan, borders: Sequence[int]) -> bool:
    """Whether one of the ascending borders lies inside the span."""
    return bisect_right(borders, span.first_word) < bisect_left(borders, span.end_word)


def _with_words(document: Document, words: tuple[Span, ...]) -> Document:
    """The same document with its words cut further; sentence starts move along."""
    own = document.words or ()
    place = {word.start: index for index, word in enumerate(words)}
    starts = tuple(place[own[index].start] for index in document.sentence_starts)
    return replace(document, words=words, sentence_starts=starts)
