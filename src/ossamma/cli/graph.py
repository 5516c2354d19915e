"""`ossamma graph`: ask a graph, look at its evidence, take merges back, export it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ossamma.cli.options import Json

if TYPE_CHECKING:
    from ossamma.graph.store import GraphStore
    from ossamma.graph.values import DecisionKind
    from ossamma.graph.view import Ground

app = typer.Typer(
    help="The knowledge graph: queries, evidence, decisions about merges, exports.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
Place = Annotated[
    str, typer.Argument(metavar="DB", help="A graph's file (or its folder), or neo4j://HOST.")
]
Name = Annotated[
    str, typer.Argument(metavar="ENTITY", help="A name, an identifier (G0007, CVE-..), or a key.")
]
Reason = Annotated[str, typer.Option("--reason", help="Kept with the decision.")]


class ExportFormat(StrEnum):
    """The forms in which a graph can be written."""

    STIX = "stix"
    CYPHER = "cypher"
    GRAPHML = "graphml"
    CSV = "csv"
    JSONLD = "jsonld"


def open_graph(place: str, *, writes: bool = False) -> GraphStore:
    """Open a graph that is there. Raises GraphError where there is none."""
    import os

    from ossamma.graph.stores.opening import open_store
    from ossamma.ingestion.sinks import parse_sink
    from ossamma.schema.errors import GraphError

    if "://" not in place:
        place = parse_sink(place).place if Path(place).is_dir() else place
        if not Path(place).is_file():
            raise GraphError(f"there is no graph at {place}; make one with `ossamma ingest`")
    return open_store(place, environment=os.environ, read_only=not writes)


@app.command()
def stats(
    place: Place,
    metrics: Annotated[
        Path | None,
        typer.Option(
            "--metrics",
            metavar="FILE.prom",
            help="Write them for the textfile collector of Prometheus' node exporter, too.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Count what a graph holds.

    With --json: {"documents", "mentions", "entities", "evidence", "decisions", "edges": {TYPE: n},
    "guessed_merges", "without_evidence"}. Guessed are merges by likeness that nobody has decided
    on; without evidence are edges between entities, and should be 0.
    """
    import json
    from contextlib import closing

    from ossamma.graph.census import census

    with closing(open_graph(place)) as store:
        found = census(store, is_thorough=True)
    if metrics is not None:
        from ossamma.ingestion.monitoring.textfile import write_graph_metrics
        from ossamma.pipeline.ingest import shown_sink

        write_graph_metrics(metrics, shown_sink(place), found)
    counts = found.counts
    content: dict[str, Any] = {
        "documents": counts.documents,
        "mentions": counts.mentions,
        "entities": counts.entities,
        "evidence": counts.evidence,
        "decisions": counts.decisions,
        "edges": {kind.value: number for kind, number in counts.edges.items() if number},
        "guessed_merges": found.guessed,
        "without_evidence": found.bare,
    }
    if as_json:
        typer.echo(json.dumps(content))
        return
    edges = content.pop("edges")
    for name, number in (*content.items(), *edges.items()):
        typer.echo(f"{name:<18}{number:>12,}")


@app.command()
def query(
    place: Place,
    statement: Annotated[str, typer.Argument(metavar="CYPHER", help="It can only read.")],
    parameters: Annotated[
        list[str] | None,
        typer.Option("--param", metavar="NAME=VALUE", help="A parameter $NAME; JSON, or a text."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Answer a Cypher statement. With --json one object for each row."""
    import json
    from contextlib import closing

    with closing(open_graph(place)) as store:
        rows = store.query(statement, _parameters(parameters or []))
    for row in rows:
        line = json.dumps(dict(row), default=str)
        typer.echo(line if as_json else "\t".join(str(value) for value in row.values()))


@app.command()
def show(place: Place, entity: Name, as_json: Json = False) -> None:
    """Show an entity: its names, identifiers, and what it is related to."""
    import json
    from contextlib import closing

    from ossamma.graph.view import GraphView

    with closing(open_graph(place)) as store:
        view = GraphView(store)
        thing = view.the(entity)
        relations = view.relations(thing)
    content: dict[str, Any] = {
        "key": thing.key,
        "label": thing.head.label,
        "name": thing.name,
        "names": sorted({name for one in thing.members for name in one.names}),
        "identifiers": sorted({name for one in thing.members for name in one.identifiers}),
        "members": [one.id for one in thing.members],
        "relations": [
            {
                "edge": edge.id,
                "type": edge.type.value,
                "outwards": edge.source in thing.keys,
                "other": other.name,
                "label": other.head.label,
                "score": edge.score,
                "reason": edge.reason,
            }
            for edge, other in relations
        ],
    }
    if as_json:
        typer.echo(json.dumps(content))
        return
    typer.echo(f"{thing.name} ({thing.head.label}) {thing.key}")
    typer.echo(f"names: {', '.join(content['names'])}")
    typer.echo(f"identifiers: {', '.join(content['identifiers']) or 'none'}")
    for edge, other in relations:
        arrow = "->" if edge.source in thing.keys else "<-"
        typer.echo(f"{edge.type.value} {arrow} {other.name}  [{edge.score:.2f} {edge.reason}]")


@app.command()
def path(
    place: Place,
    source: Name,
    target: Annotated[str, typer.Argument(metavar="OTHER", help="The entity to get to.")],
    most: Annotated[int, typer.Option("--most", min=1, max=10, help="The longest way.")] = 6,
    as_json: Json = False,
) -> None:
    """Show a shortest way between two entities, edge by edge. Exits with 1 if there is none."""
    import json
    from contextlib import closing

    from ossamma.graph.view import GraphView

    with closing(open_graph(place)) as store:
        view = GraphView(store)
        start = view.the(source)
        steps = view.path(start, view.the(target), most=most)
    if as_json:
        typer.echo(
            json.dumps(
                [{"edge": e.id, "type": e.type.value, "to": other.name} for e, other in steps]
            )
        )
    else:
        typer.echo(start.name)
        for edge, other in steps:
            typer.echo(f"  {edge.type.value} {other.name}  (evidence: {edge.id})")
    if not steps:
        raise typer.Exit(code=1)


@app.command()
def evidence(
    place: Place,
    what: Annotated[
        str, typer.Argument(metavar="EDGE_OR_ENTITY", help="An edge's key, or an entity.")
    ],
    as_json: Json = False,
) -> None:
    """Show why an edge is there, or all edges of an entity: sentences, and what sources say."""
    import json
    from contextlib import closing

    from ossamma.graph.values import EdgeType
    from ossamma.graph.view import GraphView, edges_by_key

    with closing(open_graph(place)) as store:
        view = GraphView(store)
        edges = edges_by_key(store, what)
        if not edges:
            kinds = [kind for kind in EdgeType if kind is not EdgeType.FOUND_IN]
            edges = store.edges(kinds, touching=view.the(what).keys)
        grounds = view.evidence(edges)
    for ground in grounds:
        typer.echo(json.dumps(_ground(ground)) if as_json else _line(ground))


@app.command()
def unmerge(
    place: Place,
    first: Annotated[
        str, typer.Argument(metavar="EDGE_OR_KEY", help="A SAME_AS edge, or an entity's key.")
    ],
    second: Annotated[
        str, typer.Argument(metavar="[OTHER]", help="The other entity's key, if no edge is given.")
    ] = "",
    reason: Reason = "",
) -> None:
    """Keep two entities apart, for good: no later ingestion joins them again."""
    from ossamma.graph.values import DecisionKind, EdgeType
    from ossamma.graph.view import edges_by_key
    from ossamma.schema.errors import GraphError

    def ends(store: GraphStore) -> tuple[str, str]:
        if second:
            return first, second
        found = [edge for edge in edges_by_key(store, first) if edge.type is EdgeType.SAME_AS]
        if not found:
            raise GraphError(f"expected the key of a SAME_AS edge, or two entities, got {first!r}")
        return found[0].source, found[0].target

    _decide(place, DecisionKind.APART, ends, reason)


@app.command()
def suppress(
    place: Place,
    entity: Annotated[str, typer.Argument(metavar="KEY", help="An entity's own key.")],
    undo: Annotated[bool, typer.Option("--undo", help="It is an entity after all.")] = False,
    reason: Reason = "",
) -> None:
    """Hide an entity that is none (a common word): it joins nothing, and no view shows it."""
    from ossamma.graph.values import DecisionKind

    kind = DecisionKind.RESTORE if undo else DecisionKind.SUPPRESS
    _decide(place, kind, lambda _: (entity, ""), reason)


@app.command()
def export(
    place: Place,
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="A file; of csv a folder of files.")
    ],
    form: Annotated[ExportFormat, typer.Option("--format", help="The form.")],
) -> None:
    """Write a graph for others: a STIX 2.1 bundle, Cypher, GraphML, JSON-LD, or neo4j-admin's CSV."""  # noqa: E501
    from contextlib import closing
    from importlib import import_module

    module = import_module(f"ossamma.graph.exports.{form.value}")
    with closing(open_graph(place)) as store:
        module.export(store, out)
    typer.echo(f"written: {out}")


def _decide(place: str, kind: DecisionKind, ends: Any, reason: str) -> None:  # noqa: ANN401
    from contextlib import closing
    from datetime import UTC, datetime

    from ossamma.graph.batch import batch_of
    from ossamma.graph.view import decide
    from ossamma.ingestion.sinks import refresh

    with closing(open_graph(place, writes=True)) as store:
        time = datetime.now(UTC).isoformat(timespec="microseconds")
        decision = decide(store, kind, ends(store), time=time, reason=reason)
        store.write(batch_of([decision]))
        changed = refresh(store)
    typer.echo(f"{kind.value}: {decision.first} {decision.second}".rstrip())
    typer.echo(f"{changed} entities stand for others now than before")


def _parameters(pairs: list[str]) -> dict[str, Any]:
    import json

    found: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name:
            raise typer.BadParameter(f"expected NAME=VALUE, got {pair!r}")
        try:
            found[name] = json.loads(text)
        except ValueError:
            found[name] = text
    return found


def _ground(ground: Ground) -> dict[str, Any]:
    return {
        "edge": ground.edge.id,
        "type": ground.edge.type.value,
        "reason": ground.reason,
        "score": ground.score,
        "source": ground.source,
        "start": ground.start,
        "stop": ground.stop,
        "quote": ground.quote,
    }


def _line(ground: Ground) -> str:
    where = f"{ground.source} [{ground.start}, {ground.stop})" if ground.stop else ground.source
    quote = " ".join(ground.quote.split())
    return f"{ground.edge.type.value}  {ground.reason}  {ground.score:.2f}  {where}\n    {quote}"
