"""A process that writes batches until somebody kills it, and says which ones are committed."""

from __future__ import annotations

import sys
from pathlib import Path

from ossamma.graph.batch import batch_of
from ossamma.graph.stores.embedded import EmbeddedSettings, EmbeddedStore
from ossamma.graph.values import DocumentNode, Edge, EdgeType, EntityNode, Mention

BATCHES = 12
SETTINGS = EmbeddedSettings(memory_bytes=1 << 26, max_bytes=1 << 28, threads=1)


def batch(number):
    """Return a batch: a document, forty mentions, and entities that earlier batches have too."""
    document = DocumentNode("x" * 100, (f"{number}",)) if number % 3 else DocumentNode(str(number))
    text = document.text
    places = range(min(40, len(text)))
    mentions = [
        Mention(document.id, n, n + 1, text[n], "MALWARE", 0.5, f"b{number}") for n in places
    ]
    entities = [EntityNode("Malware", f"name:{n % 7}", (f"n{number}",)) for n in range(40)]
    edges = [Edge(EdgeType.FOUND_IN, m.id, document.id) for m in mentions]
    edges += [
        Edge(EdgeType.REFERS_TO, m.id, e.id) for m, e in zip(mentions, entities, strict=False)
    ]
    return batch_of([document, *mentions, *entities, *edges])


if __name__ == "__main__":
    store = EmbeddedStore(Path(sys.argv[1]), SETTINGS)
    for number in range(BATCHES):
        store.write(batch(number))
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()
