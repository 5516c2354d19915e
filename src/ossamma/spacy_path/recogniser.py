"""A spaCy pipeline as a Recogniser, so that it is evaluated, gated and served like a bundle."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

import spacy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.tokens import Span as DocSpan
from spacy.util import minibatch

from ossamma.schema.errors import BundleError
from ossamma.schema.spans import Document, Entity
from ossamma.spacy_path.confidences import CONFIDENCE
from ossamma.spacy_path.model_folder import is_spacy_model

_SETS_ENTITIES: Final = "doc.ents"
_BROKEN: Final = (OSError, ValueError, LookupError, TypeError, ImportError, RuntimeError)


class SpacyRecogniser:
    """Recognises entities with any spaCy pipeline that sets `doc.ents`.

    spaCy's own recogniser gives no probabilities: its entities have confidence 1.0. Where spans
    carry one, as those of `ossamma_ner` do, that is the confidence.
    """

    def __init__(self, nlp: Language, *, batch_size: int = 64) -> None:
        """Take a pipeline.

        Raises:
            BundleError: no component of it sets entities.
        """
        self.nlp = nlp
        self.batch_size = batch_size
        self._sources = [
            name for name in nlp.pipe_names if _SETS_ENTITIES in nlp.get_pipe_meta(name).assigns
        ]
        if not self._sources:
            raise BundleError(
                f"expected a spaCy pipeline with a component that sets doc.ents, got "
                f"{', '.join(nlp.pipe_names) or 'an empty one'}"
            )

    @property
    def types(self) -> tuple[str, ...]:
        """The labels that it can find, sorted."""
        labels = self.nlp.pipe_labels
        return tuple(sorted({label for name in self._sources for label in labels.get(name, ())}))

    def recognise(self, texts: Sequence[str]) -> list[list[Entity]]:
        """Return the entities of each text, sorted, in character offsets of that text.

        Raises:
            TypeError: `texts` is one string.
        """
        if isinstance(texts, str | bytes):
            raise TypeError("expected a sequence of texts, got a single one; pass [text]")
        documents = (Document(id=str(number), text=text) for number, text in enumerate(texts))
        return [entities for _, entities in self.recognise_documents(documents)]

    def recognise_documents(
        self, documents: Iterable[Document]
    ) -> Iterator[tuple[Document, list[Entity]]]:
        """Yield each document with its entities, in order; a document's own words are kept."""
        for batch in minibatch(documents, size=self.batch_size):
            read = list(batch)
            docs = self.nlp.pipe(map(self._doc_of, read), batch_size=self.batch_size)
            for document, doc in zip(read, docs, strict=True):
                yield document, sorted(_entities(document, doc))

    def _doc_of(self, document: Document) -> Doc:
        if document.words is None:
            return self.nlp.make_doc(document.text)
        words = document.words
        # spaCy knows a single space after a word or none; only the words' numbers lead back.
        gaps = [after.start > word.end for word, after in pairwise(words)]
        return Doc(
            self.nlp.vocab,
            words=[document.text[word.start : word.end] for word in words],
            spaces=[*gaps, False] if words else [],
        )


def load_spacy(folder: Path, *, batch_size: int = 64) -> SpacyRecogniser:
    """Load a spaCy model from its folder.

    Raises:
        BundleError: it is no spaCy model, or it cannot be loaded here.
    """
    if not is_spacy_model(folder):
        raise BundleError(f"expected a spaCy model with config.cfg and meta.json at {folder}")
    try:
        nlp = spacy.load(folder)
    except _BROKEN as error:
        raise BundleError(f"spaCy cannot load the model {folder}: {error}") from error
    return SpacyRecogniser(nlp, batch_size=batch_size)


def _entities(document: Document, doc: Doc) -> Iterator[Entity]:
    for span in doc.ents:
        start, end = _characters(document, span)
        if start < end:
            text = document.text[start:end]
            yield Entity(start, end, span.label_, text, _confidence(span))


def _characters(document: Document, span: DocSpan) -> tuple[int, int]:
    """Return the characters of a span in the original text."""
    if document.words is None:
        return span.start_char, span.end_char
    return document.words[span.start].start, document.words[span.end - 1].end


def _confidence(span: DocSpan) -> float:
    if not DocSpan.has_extension(CONFIDENCE):
        return 1.0
    stated = span._.get(CONFIDENCE)
    return 1.0 if stated is None else float(stated)
