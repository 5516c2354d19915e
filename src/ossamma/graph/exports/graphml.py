"""A graph as GraphML, which Gephi, yEd and NetworkX read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from ossamma.graph.exports.rows import export_rows, label, properties
from ossamma.graph.store import GraphStore
from ossamma.schema.atomic import atomic_write

_NODE_KEYS: Final = (
    "label", "name", "length", "identity", "names", "types", "identifiers", "canonical",
)  # fmt: skip
_HEAD: Final = '<?xml version="1.0" encoding="UTF-8"?>\n<graphml xmlns="http://graphml.graphdrawing.org/xmlns">\n'
_FORBIDDEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def export(store: GraphStore, out: Path) -> None:
    """Write one file. Characters that XML does not allow become U+FFFD."""
    rows = export_rows(store)
    with atomic_write(out) as file:
        file.write(_HEAD)
        for key in _NODE_KEYS:
            file.write(f'<key id="{key}" for="node" attr.name="{key}" attr.type="string"/>\n')
        for key, kind in (("type", "string"), ("reason", "string"), ("score", "double")):
            file.write(f'<key id="{key}" for="edge" attr.name="{key}" attr.type="{kind}"/>\n')
        file.write('<graph edgedefault="directed">\n')
        for node in rows.nodes:
            own = [("label", label(node)), *properties(node)]
            file.write(f"<node id={quoteattr(node.id)}>{_data(own)}</node>\n")
        for edge in rows.edges:
            own = [("type", edge.type.value), ("reason", edge.reason), ("score", repr(edge.score))]
            ends = f"source={quoteattr(edge.source)} target={quoteattr(edge.target)}"
            file.write(f"<edge id={quoteattr(edge.id)} {ends}>{_data(own)}</edge>\n")
        file.write("</graph>\n</graphml>\n")


def _data(pairs: list[tuple[str, str]]) -> str:
    return "".join(
        f'<data key="{key}">{escape(_FORBIDDEN.sub(chr(0xFFFD), text))}</data>'
        for key, text in pairs
    )
