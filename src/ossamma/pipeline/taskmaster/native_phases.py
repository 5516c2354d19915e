"""The phases of the native backend: training under supervision, calibration, release."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Final

from ossamma.export.card import CardSettings
from ossamma.pipeline.calibrate import CalibrationRequest, calibrate_bundle
from ossamma.pipeline.export_checks import GatesRequest
from ossamma.pipeline.export_run import DevRequest, ExportRequest, export_run
from ossamma.pipeline.supervision.native_request import NativeJob
from ossamma.pipeline.supervision.native_train import (
    NativeTrainRequest,
    outcome_of,
    read_manifest,
    train_native,
)
from ossamma.pipeline.supervision.versions import versions_of
from ossamma.pipeline.taskmaster.fingerprints import of_path, of_values
from ossamma.pipeline.taskmaster.phases import Phase
from ossamma.pipeline.taskmaster.training_outcome import facts_of, unfinished
from ossamma.pipeline.taskmaster.work import Made, Work
from ossamma.pipeline.training_facts import training_facts

MODELS: Final = "models"
CALIBRATED: Final = "calibrated"
RELEASE: Final = "release"


def train_inputs(work: Work) -> dict[str, str]:
    """Return fingerprints of all settings, and of the checkpoint to start from."""
    recipe = _job(work, train="", dev="").resolved().to_json()
    found = {"recipe": of_values(recipe)}
    if work.plan.init:
        found["init"] = of_path(Path(work.plan.init))
    return found


def train_make(work: Work) -> Made:
    """Train under supervision, in a new version or in one that was left.

    Raises:
        TrainingError: it did not succeed.
    """
    data = work.outputs[Phase.DATA]
    out = work.run / MODELS / work.plan.profile.rpartition("/")[2]
    left = unfinished(versions_of(out)) if work.resume else None
    if left is not None and read_manifest(left)["status"] == "finished":
        outcome = outcome_of(left)  # only the word of it did not reach status.json
    else:
        job = _job(work, train=str(data["train"]), dev=str(data["dev"]))
        request = NativeTrainRequest(
            job=job, out=left or out, resume=left is not None, gpu=work.plan.gpu_id
        )
        outcome = train_native(request, say=lambda line: work.say(f"  {line}"))
    found = facts_of(read_manifest(outcome.run))
    return Made(
        outputs={"model": outcome.bundle},
        message=f"{outcome.run.name}: dev F1 {outcome.score:.4f}",
        facts={**found, "training": _training(outcome.bundle, found)},
    )


def calibrate_inputs(work: Work) -> dict[str, str]:
    """Nothing but what earlier phases made."""
    del work
    return {}


def calibrate_make(work: Work) -> Made:
    """Fit confidences and thresholds on dev."""
    out = work.run / CALIBRATED
    shutil.rmtree(out, ignore_errors=True)
    outcome = calibrate_bundle(
        CalibrationRequest(
            bundle=work.outputs[Phase.TRAIN]["model"], gold=work.outputs[Phase.DATA]["dev"], out=out
        )
    )
    before, after = outcome.cross_fit.before.overall, outcome.cross_fit.after.overall
    return Made(
        outputs={"model": out},
        message=f"{outcome.choice.name}: ECE {before.ece:.4f} before, {after.ece:.4f} after "
        "(cross-fitted)",
        facts={"ece_before": before.ece, "ece_after": after.ece},
    )


def package_inputs(work: Work) -> dict[str, str]:
    """Return fingerprints of gates of one's own and of what may overrule them."""
    plan = work.plan
    own = {name: getattr(plan, name) for name in ("gates", "incumbent")}
    found = {name: of_path(Path(path)) for name, path in own.items() if path}
    return found | {"despite_gates": of_values(plan.despite_gates)}


def package_make(work: Work) -> Made:
    """Write the release, or say why there is none."""
    out = work.run / RELEASE
    shutil.rmtree(out, ignore_errors=True)
    plan = work.plan
    gates = GatesRequest(
        report=work.outputs[Phase.EVALUATE]["report"],
        gates=Path(plan.gates) if plan.gates else None,
        incumbent=Path(plan.incumbent) if plan.incumbent else None,
    )
    outcome = export_run(
        ExportRequest(
            run=work.outputs[Phase.CALIBRATE]["model"],
            out=out,
            dev=DevRequest(file=work.outputs[Phase.DATA]["dev"]),
            gates=None if plan.despite_gates else gates,
            card=CardSettings(name=work.run.name),
        )
    )
    if outcome.refusals:
        return Made(outputs={}, message="; ".join(outcome.refusals), refused=True)
    return Made(
        outputs={"release": out},
        message=f"{out}: {outcome.num_bytes / 1e6:.1f} MB, {outcome.num_golden} golden cases",
        facts={"bytes": outcome.num_bytes},
    )


def _job(work: Work, *, train: str, dev: str) -> NativeJob:
    plan = work.plan
    seed = () if plan.seed is None else (f"training.seed={plan.seed}",)
    return NativeJob(
        profile=plan.profile,
        train=train,
        dev=dev,
        preset=plan.preset,
        recipe=plan.recipe,
        assignments=(*plan.settings, *seed),
        init=plan.init,
    )


def _training(bundle: Path, found: dict[str, Any]) -> dict[str, Any]:
    """Return what a report says of the training, with the time of all attempts."""
    return {**(training_facts(bundle) or {}), "seconds": found["seconds"]}
