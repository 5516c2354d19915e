"""The `ossamma` command: gathers the verbs, and turns errors into messages and exit codes.

Exit codes: 0 done; 1 a check was not passed; 2 the input, options or files are at fault (the
message says how); 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer
from rich.console import Console

from ossamma.cli import demo, evaluate, extract, info, train
from ossamma.schema.errors import OssammaError

app = typer.Typer(
    name="ossamma",
    help="Named entity recognition: train, evaluate, and use models that verify themselves.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
app.command(name="demo", epilog=demo.EXAMPLES)(demo.demo)
app.command(name="train", epilog=train.EXAMPLES)(train.train)
app.command(name="evaluate", epilog=evaluate.EXAMPLES)(evaluate.evaluate)
app.command(name="extract", epilog=extract.EXAMPLES)(extract.extract)
app.command(name="info", epilog=info.EXAMPLES)(info.info)


def _show_version(wanted: bool) -> None:  # noqa: FBT001  a typer callback gets its value so
    if wanted:
        from importlib.metadata import version

        typer.echo(f"ossamma {version('ossamma')}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Named entity recognition: train, evaluate, and use models that verify themselves."""
    del version


def main() -> None:
    """Run the command line; an OssammaError is printed without a traceback, exit code 2."""
    try:
        app()
    except OssammaError as error:
        Console(stderr=True).print(
            f"error: {error}", style="bold red", markup=False, highlight=False, soft_wrap=True
        )
        sys.exit(2)
    except BrokenPipeError:
        # The reader went away (`| head`); keep the interpreter from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
