"""`ossamma run`: from a profile to a gated package, phase by phase."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ossamma.cli.options import DataFolder, Init, Mirror, Offline, Preset, RecipeFile, Settings

if TYPE_CHECKING:
    from ossamma.pipeline.taskmaster.status import RunStatus

REFUSED = 1
"""A gate failed, or there is no package."""
NOT_MEASURED = 3
"""No gate failed, but of some nothing can be said."""

EXAMPLES = """
[bold]Examples[/bold]

ossamma run ner11 --out runs/ner11

ossamma run ner11 --out runs/ner11-spacy --backend spacy --cpu --offline

ossamma run ner11 --out runs/ner11 --from train --to gate --set training.epochs=5

ossamma run --status runs/ner11

ossamma run --resume --out runs/ner11
"""


class Backend(StrEnum):
    """Who trains; the names of `pipeline.taskmaster.phases.RunBackend`."""

    NATIVE = "native"
    SPACY = "spacy"


def run(  # noqa: PLR0913  a verb's options are its arguments
    profile: Annotated[
        str | None, typer.Argument(metavar="[PROFILE]", help="Profile name or folder.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="RUN", help="The run folder.")
    ] = None,
    status: Annotated[
        Path | None,
        typer.Option("--status", metavar="RUN", help="Say how a run stands; only that."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the options that RUN was begun with.")
    ] = False,
    first: Annotated[
        str | None,
        typer.Option("--from", metavar="PHASE", help="Only check the phases before this one."),
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", metavar="PHASE", help="The last phase to make.")
    ] = None,
    backend: Annotated[Backend, typer.Option("--backend", help="Who trains.")] = Backend.NATIVE,
    built: Annotated[
        Path | None,
        typer.Option("--built", metavar="DIR", help="A built set in place of building one."),
    ] = None,
    data: DataFolder = Path("data"),
    mirror: Mirror = None,
    policy: Annotated[
        Path | None,
        typer.Option("--policy", metavar="FILE", help="Build policy in place of the profile's."),
    ] = None,
    own: Annotated[
        list[str] | None,
        typer.Option("--own", metavar="PATH[:FORMAT]", help="Your hand-marked files; as in build."),
    ] = None,
    any_licence: Annotated[
        bool, typer.Option("--any-licence", help="For measurements only; as in build.")
    ] = False,
    offline: Offline = False,
    preset: Preset = None,
    recipe: RecipeFile = None,
    init: Init = None,
    assignments: Settings = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="spaCy: in place of a generated one."),
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", metavar="NAME_OR_PATH", help="spaCy: the encoder.")
    ] = None,
    vram: Annotated[
        float | None, typer.Option("--vram", metavar="GB", help="spaCy: memory of the GPU.")
    ] = None,
    cpu: Annotated[bool, typer.Option("--cpu", help="spaCy: train without a GPU.")] = False,
    gpu_id: Annotated[
        int, typer.Option("--gpu-id", metavar="N", min=-1, help="GPU; -1 is none.")
    ] = -1,
    balance: Annotated[
        bool, typer.Option("--balance", help="spaCy: read documents with rare types more often.")
    ] = False,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Of weights and order.")] = None,
    gates: Annotated[
        Path | None, typer.Option("--gates", metavar="FILE", help="In place of the profile's.")
    ] = None,
    incumbent: Annotated[
        Path | None,
        typer.Option("--incumbent", metavar="REPORT", help="Report of the model in use."),
    ] = None,
    despite_gates: Annotated[
        bool, typer.Option("--despite-gates", help="Package a model that fails its gates, too.")
    ] = False,
    notify: Annotated[
        list[str] | None,
        typer.Option("--notify", metavar="URL", help="Apprise address; may be repeated."),
    ] = None,
) -> None:
    """Build, train, calibrate, evaluate, gate and package; what is up to date is kept.

    Killed or failed, it goes on when it is called again. RUN/report.md tells of it. Exits with 0 if
    all gates passed, 1 if one failed or there is no package, 2 on a fault, 3 if a gate that may be
    skipped was not measurable.
    """
    if status is not None:
        _show_status(status)
        return
    if out is None or (profile is None) is not resume:
        raise typer.BadParameter("give PROFILE and --out RUN, or --resume and --out RUN alone")
    options: dict[str, Any] = {
        "built": built,
        "data": data,
        "mirror": mirror,
        "policy": policy,
        "any_licence": any_licence,
        "offline": offline,
        "preset": preset,
        "recipe": recipe,
        "init": init,
        "config": config,
        "model": model,
        "vram": vram,
        "cpu": cpu,
        "gpu_id": gpu_id,
        "balance": balance,
        "seed": seed,
        "gates": gates,
        "incumbent": incumbent,
        "despite_gates": despite_gates,
        "own": tuple(own or ()),
        "settings": tuple(assignments or ()),
    }
    _run(profile, backend, options, out=out, first=first, last=last, notify=tuple(notify or ()))


def _run(  # noqa: PLR0913  what was said on the command line
    profile: str | None,
    backend: Backend,
    options: dict[str, Any],
    *,
    out: Path,
    first: str | None,
    last: str | None,
    notify: tuple[str, ...],
) -> None:
    import signal
    import sys

    from ossamma.cli.logs import quieten
    from ossamma.pipeline.taskmaster.phases import RunBackend
    from ossamma.pipeline.taskmaster.plan import RunPlan, plan_from
    from ossamma.pipeline.taskmaster.run import RunRequest, carry_out
    from ossamma.pipeline.taskmaster.workers import workers_of

    quieten()
    # Ended by a service manager, it still ends its child and writes down that it was ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if profile is None:
        plan = plan_from(_status_of(out).plan, notify=notify)
    else:
        texts: dict[str, Any] = {
            k: str(v) if isinstance(v, Path) else v for k, v in options.items()
        }
        plan = RunPlan(profile=profile, backend=RunBackend(backend.value), notify=notify, **texts)
    request = RunRequest(plan=plan, out=out, first=first, last=last)
    _exit(carry_out(request, workers_of(plan.backend), say=typer.echo))


def _exit(status: RunStatus) -> None:
    from ossamma.pipeline.taskmaster.phases import Phase
    from ossamma.pipeline.taskmaster.status import PhaseState

    if any(record.state is PhaseState.REFUSED for record in status.phases.values()):
        raise typer.Exit(REFUSED)
    gate = status.of(Phase.GATE)
    outcome = gate.facts.get("outcome") if gate.state is PhaseState.DONE else None
    code = {"failed": REFUSED, "skipped": NOT_MEASURED}.get(str(outcome), 0)
    if code:
        raise typer.Exit(code)


def _status_of(out: Path) -> RunStatus:
    from ossamma.pipeline.taskmaster.status import STATUS_FILE, read_status
    from ossamma.schema.errors import CheckpointError

    status = read_status(out)
    if status is None:
        raise CheckpointError(f"{out} is no run: expected {STATUS_FILE} in it")
    return status


def _show_status(out: Path) -> None:
    from ossamma.pipeline.taskmaster.phases import phases_of
    from ossamma.pipeline.taskmaster.run_report import summary_line

    status = _status_of(out)
    typer.echo(f"profile {status.profile}, backend {status.backend}")
    for phase in phases_of(status.backend):
        typer.echo(summary_line(status, phase).rstrip())
