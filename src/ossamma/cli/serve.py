"""`ossamma serve`: a bundle as an HTTP server."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

EXAMPLES = """
[bold]Examples[/bold]

ossamma serve --bundle runs/demo

ossamma serve --bundle news=releases/news --bundle cyber=releases/cyber --port 8080

ossamma serve --new-key alice >> keys.txt

ossamma serve --bundle releases/news --keys keys.txt --host 0.0.0.0
"""


class Level(StrEnum):
    """How much is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"


def serve(  # noqa: PLR0913  a verb's options are its arguments
    bundle: Annotated[
        list[str] | None,
        typer.Option(
            "--bundle",
            metavar="[NAME=]B",
            envvar="OSSAMMA_BUNDLE",
            help="A bundle or run folder, by default the one that comes with the package; several "
            "by name, of which the first is the default.",
        ),
    ] = None,
    host: Annotated[
        str, typer.Option("--host", envvar="OSSAMMA_HOST", help="Address to listen on.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", envvar="OSSAMMA_PORT", min=0, max=65535)] = 8080,
    keys: Annotated[
        Path | None,
        typer.Option(
            "--keys",
            metavar="FILE",
            envvar="OSSAMMA_KEYS",
            help="Only whoever has one of these keys is answered.",
        ),
    ] = None,
    new_key: Annotated[
        str | None,
        typer.Option(
            "--new-key",
            metavar="NAME",
            help="Print the line of a fresh key for the key file, the key itself on standard "
            "error, and exit.",
        ),
    ] = None,
    admin: Annotated[
        bool, typer.Option("--admin", help="With --new-key: it may also reload models.")
    ] = False,
    threads: Annotated[
        int,
        typer.Option(
            "--threads", envvar="OSSAMMA_THREADS", min=0, help="Of the model; 0 takes all cores."
        ),
    ] = 0,
    device: Annotated[
        str,
        typer.Option(
            "--device", envvar="OSSAMMA_DEVICE", help="Where models run: cpu, cuda or cuda:N."
        ),
    ] = "cpu",
    batch_pieces: Annotated[
        int, typer.Option("--batch-pieces", min=1, help="Most pieces that are read at once.")
    ] = 8_192,
    queue: Annotated[
        int, typer.Option("--queue", min=1, help="Most requests that wait; more get 429.")
    ] = 256,
    queue_seconds: Annotated[
        float, typer.Option("--queue-seconds", min=0.001, help="Longest wait that is accepted.")
    ] = 5.0,
    deadline: Annotated[
        float, typer.Option("--deadline", min=0.001, help="Seconds until a request gets 504.")
    ] = 30.0,
    drain: Annotated[
        float,
        typer.Option(
            "--drain", min=0.0, help="Seconds of being not ready before SIGTERM closes the door."
        ),
    ] = 0.0,
    cors: Annotated[
        list[str] | None,
        typer.Option("--cors", metavar="ORIGIN", help="A web page's origin that may ask."),
    ] = None,
    log_level: Annotated[Level, typer.Option("--log-level")] = Level.INFO,
    log_texts: Annotated[
        bool, typer.Option("--log-texts", help="Write texts to the log. For debugging only.")
    ] = False,
    traces: Annotated[
        bool, typer.Option("--traces", help="Send OpenTelemetry traces (OTEL_* variables).")
    ] = False,
) -> None:
    """Serve entities over HTTP until SIGTERM; SIGHUP loads the bundles anew.

    POST /predict {"texts": [...]}, POST /v1/extract, /v1/stream and /ner; GET /health, /ready,
    /metrics, /info and a page at /. The log is JSON lines on standard error, without any text. TLS
    is the business of a proxy in front. A bundle that is not intact, or whose golden cases are
    answered differently here, ends the server with exit code 2.
    """
    if new_key is not None:
        _print_new_key(new_key, is_admin=admin)
        return
    from functools import partial

    from ossamma.cli.logs import quieten
    from ossamma.inference.device import device_of
    from ossamma.pipeline.served_models import load_served
    from ossamma.serving.access import read_keys
    from ossamma.serving.app import create_app
    from ossamma.serving.batcher import BatcherSettings
    from ossamma.serving.journal import write_journal
    from ossamma.serving.run import Address, run_server
    from ossamma.serving.settings import ServerSettings
    from ossamma.serving.tracing import exporting_tracer

    settings = ServerSettings(
        deadline_seconds=deadline,
        drain_seconds=drain,
        cors_origins=tuple(cors or ()),
        log_texts=log_texts,
        batcher=BatcherSettings(
            batch_pieces=batch_pieces, queue_requests=queue, queue_seconds=queue_seconds
        ),
    )
    ring = read_keys(keys) if keys is not None else None
    bundles = _bundles(bundle or [])
    quieten()
    write_journal(log_level.value)
    _use_threads(threads)
    tracer = exporting_tracer() if traces else None
    device_of(device)  # a wrong one is told before anything is loaded
    loader = partial(load_served, device=device)
    app = create_app(bundles, settings, keys=ring, loader=loader, tracer=tracer)
    run_server(app, Address(host=host, port=port))


def _bundles(given: list[str]) -> dict[str, Path]:
    """Tell names from folders: `NAME=B`, or B alone, which is called default."""
    from ossamma.export.shipped import shipped_bundle
    from ossamma.schema.errors import BundleError, ConfigurationError

    if not given:
        return {"default": shipped_bundle()}
    bundles: dict[str, Path] = {}
    for each in given:
        name, mark, folder = each.partition("=")
        name, folder = (name, folder) if mark else ("default", each)
        if not name or name in bundles:
            raise ConfigurationError(f"expected a name of its own for each bundle, got {each!r}")
        bundles[name] = Path(folder)
        if not bundles[name].is_dir():
            raise BundleError(
                f"no bundle at {folder}: give --bundle B, or train one with `ossamma demo`"
            )
    return bundles


def _print_new_key(name: str, *, is_admin: bool) -> None:
    from ossamma.serving.access import Role, new_key

    key, kept = new_key(name, Role.ADMIN if is_admin else Role.USE)
    typer.echo(kept.line)
    typer.echo(f"the key of {name}, shown only now: {key}", err=True)


def _use_threads(threads: int) -> None:
    if threads:
        import torch

        torch.set_num_threads(threads)
