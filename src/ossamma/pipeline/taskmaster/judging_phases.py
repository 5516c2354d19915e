"""The phases that both backends share: evaluation on the test part, and the gates."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Final

from ossamma.evaluation.report import REPORT_FILE
from ossamma.evaluation.resampling import ResamplingSettings
from ossamma.pipeline.corpora import NATIVE
from ossamma.pipeline.gating import GateRequest, check_report
from ossamma.pipeline.judgement import GoldRequest, report_of, write_folder
from ossamma.pipeline.run_folder import write_json
from ossamma.pipeline.scoring import judge_bundle
from ossamma.pipeline.taskmaster.fingerprints import of_path, of_values
from ossamma.pipeline.taskmaster.phases import Phase, RunBackend
from ossamma.pipeline.taskmaster.work import Made, Work
from ossamma.schema.errors import ProfileError
from ossamma.schema.profile_files import locate

FOLDER: Final = "evaluation"
VERDICTS: Final = "gates.json"
JUNIT: Final = "gates.xml"


def evaluate_inputs(work: Work) -> dict[str, str]:
    """Nothing but what earlier phases made."""
    del work
    return {}


def evaluate_make(work: Work) -> Made:
    """Score the model on test, with intervals, and write the report."""
    folder = work.run / FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    plan, data = work.plan, work.outputs[Phase.DATA]
    is_native = plan.backend is RunBackend.NATIVE
    model = work.outputs[Phase.CALIBRATE if is_native else Phase.TRAIN]["model"]
    request = GoldRequest(files=(data["test"],), profile=None if is_native else plan.profile)
    judgement = judge_bundle(model, request)
    # The model that is judged is a copy without its run, which we know.
    judgement = replace(judgement, training=work.facts[Phase.TRAIN].get("training"))
    report = report_of(
        judgement, request=request, train=data["train"], resampling=ResamplingSettings()
    )
    write_folder(judgement, report, folder)
    micro = report["scores"]["micro"]
    return Made(
        outputs={"report": folder / REPORT_FILE},
        message=f"test: P {micro['precision']:.4f}, R {micro['recall']:.4f}, F1 {micro['f1']:.4f}",
        facts={name: micro[name] for name in ("precision", "recall", "f1")},
    )


def gate_inputs(work: Work) -> dict[str, str]:
    """Return fingerprints of the gates and of the incumbent's report."""
    plan = work.plan
    found = {"gates": of_path(Path(plan.gates)) if plan.gates else _profile_gates(plan.profile)}
    if plan.incumbent:
        found["incumbent"] = of_path(Path(plan.incumbent))
    return found


def gate_make(work: Work) -> Made:
    """Hold the report against the gates. That a gate fails is a finding, not a fault."""
    plan = work.plan
    if plan.profile == NATIVE and not plan.gates:
        raise ProfileError("the profile `native` has no gates; give --gates FILE")
    verdicts = check_report(
        GateRequest(
            report=work.outputs[Phase.EVALUATE]["report"],
            profile=None if plan.gates else plan.profile,
            gates=Path(plan.gates) if plan.gates else None,
            incumbent=Path(plan.incumbent) if plan.incumbent else None,
            junit=work.run / JUNIT,
        )
    )
    content = verdicts.to_json()
    write_json(work.run / VERDICTS, content)
    counts = ", ".join(f"{number} {name}" for name, number in content["verdicts"].items())
    return Made(
        outputs={"verdicts": work.run / VERDICTS, "junit": work.run / JUNIT},
        message=f"{content['outcome']}: {counts}",
        facts={"outcome": content["outcome"], "verdicts": content["verdicts"]},
    )


def _profile_gates(profile: str) -> str:
    file = None if profile == NATIVE else locate(profile).gates
    return of_values(None if file is None else file.read_text(encoding="utf-8"))
