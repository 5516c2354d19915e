"""Types without a witness: a closed world where no training document could say no.

With partial annotation, silence about a type that a corpus does not annotate says nothing. A type
that NO training document annotates exhaustively would then meet no counter-example at all, and
the best-trained tagger would put it anywhere. For such types, and only for them, silence is taken
to mean "none here": the usual reading of a corpus, for want of a better one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ossamma.schema.spans import Document


def unwitnessed_types(documents: Iterable[Document], types: Sequence[str]) -> tuple[str, ...]:
    """Return the types that no document annotates exhaustively, in the order given."""
    missing = dict.fromkeys(types)
    for document in documents:
        if document.weight == 0.0 or document.annotations is None:
            continue
        if document.annotates is None:
            return ()
        for type_name in document.annotates:
            missing.pop(type_name, None)
    return tuple(missing)


def close_world(documents: Iterable[Document], types: Iterable[str]) -> list[Document]:
    """Return the documents, made to annotate these types too."""
    added = frozenset(types)
    return [
        document
        if document.annotates is None
        else replace(document, annotates=document.annotates | added)
        for document in documents
    ]
