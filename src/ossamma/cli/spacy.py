"""`ossamma spacy`: configurations for spaCy's own training, and training under supervision."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

EXAMPLES = """
[bold]Examples[/bold]

ossamma spacy config --profile ner11 --vram 8 --out config.cfg

ossamma spacy config --profile ner11 --cpu --train train.spacy --out config.cfg

ossamma spacy config --profile ner11 --vram 24 --model models/deberta-v3-base --out config.cfg
"""
TRAIN_EXAMPLES = """
[bold]Examples[/bold]

ossamma spacy train --config config.cfg --train train.spacy --dev dev.spacy --out models/ner11

ossamma spacy train --config config.cfg --train train.spacy --dev dev.spacy --out models/ner11
  --resume

ossamma spacy train --config config.cfg --train train.spacy --dev dev.spacy --out models/ner11
  --gpu-id 0 --notify json://hooks.example.org/ner11
"""

app = typer.Typer(
    no_args_is_help=True, help="Train spaCy pipelines: generated configurations, supervised runs."
)


class ArchitectureName(StrEnum):
    """Whose code runs the encoder."""

    OSSAMMA = "ossamma"
    SPACY_TRANSFORMERS = "spacy-transformers"


@app.command(epilog=EXAMPLES)
def config(  # noqa: PLR0913  a verb's options are its arguments
    profile: Annotated[
        str, typer.Option("--profile", metavar="P", help="Whose types are learnt: name or path.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where it is written.")],
    vram: Annotated[
        float | None,
        typer.Option("--vram", metavar="GB", help="Memory of the GPU; by default found out."),
    ] = None,
    cpu: Annotated[bool, typer.Option("--cpu", help="Train without a GPU.")] = False,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="NAME_OR_PATH",
            help="Encoder; by default roberta-base on a GPU, and spaCy's own tok2vec on a CPU.",
        ),
    ] = None,
    train: Annotated[
        Path | None,
        typer.Option(
            "--train", metavar="T.spacy", help="Count the training data instead of assuming."
        ),
    ] = None,
    architecture: Annotated[
        ArchitectureName,
        typer.Option("--architecture", help="Whose code runs the encoder."),
    ] = ArchitectureName.OSSAMMA,
    balance: Annotated[
        bool, typer.Option("--balance", help="Read documents with rare types more often.")
    ] = False,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of weights and order.")] = 0,
    force: Annotated[bool, typer.Option("--force", help="Replace an older file.")] = False,
) -> None:
    """Write a complete config.cfg for `spacy train`, each value below its reason.

    Beside it, FILE.diff says what it changes in what `spacy init config` would give.
    """
    from ossamma.cli.logs import quieten
    from ossamma.pipeline.spacy_config import SpacyConfigRequest, write_spacy_config
    from ossamma.spacy_path.training_config import Architecture

    quieten()
    made = write_spacy_config(
        SpacyConfigRequest(
            profile=profile,
            out=out,
            vram=vram,
            cpu=cpu,
            model=model,
            architecture=Architecture(architecture.value),
            train=train,
            balance=balance,
            force=force,
            seed=seed,
        )
    )
    typer.echo(f"{made.out}: {len(made.config.settings)} values, each with its reason")
    if made.diff.exists():
        typer.echo(f"{made.diff}: what differs from `spacy init config`")


@app.command(epilog=TRAIN_EXAMPLES)
def train(  # noqa: PLR0913  a verb's options are its arguments
    config: Annotated[
        Path, typer.Option("--config", metavar="FILE", help="Of `ossamma spacy config`, or any.")
    ],
    train: Annotated[
        Path, typer.Option("--train", metavar="T.spacy", help="File, or folder of such files.")
    ],
    dev: Annotated[Path, typer.Option("--dev", metavar="D.spacy", help="The same, to score on.")],
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Run folder; _v1, _v2, ... is appended.")
    ],
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the newest version of DIR, or DIR itself.")
    ] = False,
    gpu_id: Annotated[
        int, typer.Option("--gpu-id", metavar="N", min=-1, help="GPU; -1 is the CPU.")
    ] = -1,
    code: Annotated[
        Path | None,
        typer.Option("--code", metavar="FILE", help="Python file with registered functions."),
    ] = None,
    notify: Annotated[
        list[str] | None,
        typer.Option(
            "--notify",
            metavar="URL",
            help="Apprise address that is told how it ended; may be repeated.",
        ),
    ] = None,
    stall: Annotated[
        float,
        typer.Option(
            "--stall", metavar="SECONDS", min=1.0, help="Without a step for so long, it hangs."
        ),
    ] = 1_800.0,
    no_dry_run: Annotated[
        bool, typer.Option("--no-dry-run", help="Begin without twenty steps of trial.")
    ] = False,
) -> None:
    """Run `spacy train` under supervision, in a new version of DIR.

    Out of memory: batches are divided further and training goes on. Divergence, a stall, a full
    disk and every other end but success give exit code 2, and manifest.json says why.
    """
    import signal
    import sys

    from ossamma.cli.logs import quieten
    from ossamma.pipeline.supervision.spacy_train import SpacyTrainRequest, train_spacy
    from ossamma.pipeline.supervision.watch import WatchSettings

    quieten()
    # Ended by a service manager, it still ends its child and writes down that it was ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    outcome = train_spacy(
        SpacyTrainRequest(
            config=config,
            train=train,
            dev=dev,
            out=out,
            code=code,
            gpu=gpu_id,
            resume=resume,
            dry_run=not no_dry_run,
            notify=tuple(notify or ()),
            watch=WatchSettings(stall_seconds=stall),
        ),
        say=typer.echo,
    )
    typer.echo(f"{outcome.run / 'model-best'}: dev score {outcome.score:.4f}")
