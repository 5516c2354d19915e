"""`ossamma push`: a release to a model hub."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ossamma.cli.options import Json

EXAMPLES = """
[bold]Examples[/bold]

hf auth login && ossamma push release acme/ner-news

ossamma push release acme/ner-news --public --endpoint https://hub.example.org
"""


def push(
    bundle: Annotated[
        Path, typer.Argument(metavar="BUNDLE", help="A release made by `ossamma export`.")
    ],
    repo: Annotated[str, typer.Argument(metavar="REPO", help="OWNER/NAME on the hub.")],
    public: Annotated[
        bool, typer.Option("--public", help="Make a new repository public; else it is private.")
    ] = False,
    message: Annotated[
        str | None, typer.Option("--message", metavar="TEXT", help="Message of the commit.")
    ] = None,
    endpoint: Annotated[
        str | None,
        typer.Option(
            "--endpoint", metavar="URL", envvar="HF_ENDPOINT", help="The hub; by default HF's."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Verify a release and upload it in one commit. The token is that of `hf auth login`."""
    import json

    from ossamma.cli.logs import quieten
    from ossamma.export.hub import PushRequest, push_bundle

    quieten()
    url = push_bundle(
        PushRequest(
            bundle=bundle, repo=repo, private=not public, message=message, endpoint=endpoint
        )
    )
    if as_json:
        typer.echo(json.dumps({"repo": repo, "commit": url}))
    else:
        typer.echo(f"pushed: {url}")
