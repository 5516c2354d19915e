"""`ossamma graph sample` and `precision`: what a person judges of a graph, and what follows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ossamma.cli.options import Json

if TYPE_CHECKING:
    from ossamma.graph.judged import Precision

SAMPLE_EXAMPLES = """
[bold]Examples[/bold]

ossamma graph sample twin --out sample.csv

ossamma graph sample twin --mentions 400 --merges 200 --seed 2 --out sample-2.csv
"""
PRECISION_EXAMPLES = """
[bold]Examples[/bold]

ossamma graph precision sample.csv

ossamma graph precision sample.csv --json

ossamma graph precision sample.csv --markdown > page.md
"""


def sample(  # noqa: PLR0913  a verb's options are its arguments
    place: Annotated[
        str, typer.Argument(metavar="DB", help="A graph's file (or its folder), or neo4j://HOST.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="A CSV file to be made.")],
    mentions: Annotated[int, typer.Option("--mentions", min=0, help="So many mentions.")] = 200,
    merges: Annotated[int, typer.Option("--merges", min=0, help="So many SAME_AS edges.")] = 100,
    each: Annotated[
        int, typer.Option("--each", min=0, help="So many merges of every rule, if there are.")
    ] = 10,
    seed: Annotated[int, typer.Option("--seed", help="Another seed draws others.")] = 1,
    as_json: Json = False,
) -> None:
    """Draw mentions and merges with their contexts, for a person to judge one by one.

    Write right, wrong or unclear into the column `verdict`, and a word of why into `note`; then
    `ossamma graph precision FILE` counts. The same graph and seed give the same sample. With
    --json: {"mentions", "merges", "rare", "out"}.
    """
    import json
    from contextlib import closing

    from ossamma.cli.graph import open_graph
    from ossamma.graph.judged import write_sample
    from ossamma.graph.sample import MENTION, RARE, SampleSettings, draw

    settings = SampleSettings(mentions=mentions, merges=merges, each=each, seed=seed)
    with closing(open_graph(place)) as store:
        rows = draw(store, settings)
    write_sample(rows, out)
    rare = sum(row.drawn == RARE for row in rows)
    names = sum(row.kind == MENTION for row in rows)
    counts = {"mentions": names, "merges": len(rows) - names - rare, "rare": rare}
    if as_json:
        typer.echo(json.dumps({**counts, "out": str(out)}))
        return
    typer.echo(f"{names} mentions, {counts['merges']} merges and {rare} of rare rules: {out}")


def precision(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A sample with verdicts.")],
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Print tables for a page, with every row.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Count verdicts: the precision of mentions and merges, of all, by type and by rule.

    Unclear ones count neither way; intervals are Wilson's, at 95 %. Rows of rare rules count for
    their rule alone. With --json a list of {"kind", "by", "group", "right", "wrong", "unclear",
    "precision", "interval"}.
    """
    import json

    from ossamma.graph.judged import precisions, read_sample

    rows = read_sample(file)
    if as_markdown:
        from ossamma.graph.judged_page import judged_page

        typer.echo(judged_page(rows), nl=False)
        return
    found = precisions(rows)
    if as_json:
        typer.echo(json.dumps([_content(one) for one in found]))
        return
    typer.echo(f"{'':<48}right wrong unclear precision  95 %")
    for one in found:
        name = f"{one.kind} {one.by} {one.group}".rstrip()
        share = "     none" if one.share is None else f"{one.share:9.3f}"
        ends = f"[{one.interval.low:.3f}, {one.interval.high:.3f}]"
        typer.echo(f"{name:<48}{one.right:5} {one.wrong:5} {one.unclear:7} {share}  {ends}")


def _content(one: Precision) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "by": one.by,
        "group": one.group,
        "right": one.right,
        "wrong": one.wrong,
        "unclear": one.unclear,
        "precision": one.share,
        "interval": one.interval.to_json(),
    }
