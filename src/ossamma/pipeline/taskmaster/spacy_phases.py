"""The phases of the spaCy backend: configuration, training under supervision, package."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import yaml
from spacy.util import load_config

from ossamma.pipeline.spacy_config import SpacyConfigRequest, write_spacy_config
from ossamma.pipeline.supervision.spacy_train import SpacyTrainRequest, train_spacy
from ossamma.pipeline.supervision.versions import versions_of
from ossamma.pipeline.taskmaster.fingerprints import of_path, of_values
from ossamma.pipeline.taskmaster.phases import Phase
from ossamma.pipeline.taskmaster.training_outcome import curve_of, facts_of, read, unfinished
from ossamma.pipeline.taskmaster.work import Made, Work
from ossamma.schema.errors import BundleError, ConfigurationError

MODELS: Final = "models"
CONFIG: Final = "config"
PACKAGE: Final = "package"
_BEST: Final = "model-best"


def config_inputs(work: Work) -> dict[str, str]:
    """Return fingerprints of all that the configuration is made from."""
    plan = work.plan
    stated = [plan.vram, plan.cpu, plan.balance, plan.seed, list(plan.settings), plan.model]
    found = {"options": of_values(stated)}
    if plan.config:
        found["config"] = of_path(Path(plan.config))
    if plan.model and Path(plan.model).exists():
        found["model"] = of_path(Path(plan.model))
    return found


def config_make(work: Work) -> Made:
    """Generate a configuration, or take the user's, and set single values in it.

    Raises:
        ConfigurationError: it cannot be read, or a setting does not exist.
    """
    plan = work.plan
    folder = work.run / CONFIG
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    base = Path(plan.config) if plan.config else folder / "generated.cfg"
    if not plan.config:
        write_spacy_config(
            SpacyConfigRequest(
                profile=plan.profile,
                out=base,
                vram=plan.vram,
                cpu=plan.cpu,
                model=plan.model,
                train=work.outputs[Phase.DATA]["train_docs"],
                balance=plan.balance,
                seed=plan.seed or 0,
            )
        )
    out = folder / "config.cfg"
    if plan.settings:
        _write_with_settings(base, plan.settings, out)
    else:
        shutil.copyfile(base, out)
    origin = f"from {plan.config}" if plan.config else "generated, with reasons"
    more = f", {len(plan.settings)} values set" if plan.settings else ""
    return Made(outputs={"config": out}, message=f"{origin}{more}")


def train_inputs(work: Work) -> dict[str, str]:
    """Return the device, beside what earlier phases made."""
    return {"gpu": of_values(work.plan.gpu_id >= 0)}


def train_make(work: Work) -> Made:
    """Train under supervision, in a new version or in one that was left.

    Raises:
        TrainingError: it did not succeed.
    """
    data = work.outputs[Phase.DATA]
    out = work.run / MODELS / work.plan.profile.rpartition("/")[2]
    left = unfinished(versions_of(out)) if work.resume else None
    if left is not None and read(left)["status"] == "finished":
        run = left  # only the word of it did not reach status.json
    else:
        run = train_spacy(
            SpacyTrainRequest(
                config=work.outputs[Phase.CONFIG]["config"],
                train=data["train_docs"],
                dev=data["dev_docs"],
                out=left or out,
                gpu=work.plan.gpu_id,
                resume=left is not None,
            ),
            say=lambda line: work.say(f"  {line}"),
        ).run
    found = facts_of(read(run))
    score = found["dev_score"]
    training = {"best_f1": score, "seconds": found["seconds"], "curve": curve_of(run)}
    return Made(
        outputs={"model": run / _BEST},
        message=f"{run.name}: dev score {score:.4f}",
        facts={**found, "training": training},
    )


def package_inputs(work: Work) -> dict[str, str]:
    """Return whether the gates may be overruled."""
    return {"despite_gates": of_values(work.plan.despite_gates)}


def package_make(work: Work) -> Made:
    """Make a Python package of the model with spaCy's own command, or say why there is none.

    Raises:
        BundleError: spaCy's command failed.
    """
    folder = work.run / PACKAGE
    shutil.rmtree(folder, ignore_errors=True)
    if work.facts[Phase.GATE]["outcome"] == "failed" and not work.plan.despite_gates:
        return Made(outputs={}, message="the gates are not passed (--despite-gates)", refused=True)
    model: Path = work.outputs[Phase.TRAIN]["model"]
    number = model.parent.name.rpartition("_v")[2]
    folder.mkdir()
    name = work.plan.profile.rpartition("/")[2]
    command = [sys.executable, "-m", "spacy", "package", str(model), str(folder)]
    # An archive would need a library more; pip installs the folder as it is.
    command += ["--name", name, "--version", f"{number}.0.0", "--build", "none", "--force"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    made = list(folder.glob("*/pyproject.toml")) or list(folder.glob("*/setup.py"))
    if done.returncode != 0 or not made:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise BundleError(
            f"`spacy package {model}` failed with exit code {done.returncode}: "
            f"{said[-1] if said else 'it said nothing'}"
        )
    package = made[0].parent
    return Made(
        outputs={"package": package},
        message=f"{package}: `pip install` takes this folder",
    )


def _write_with_settings(base: Path, settings: tuple[str, ...], out: Path) -> None:
    values: dict[str, Any] = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals or "." not in key:
            raise ConfigurationError(
                f"expected SECTION.NAME=VALUE such as training.max_steps=500, got {setting!r}"
            )
        values[key.strip()] = yaml.safe_load(value)
    try:
        load_config(base, overrides=values, interpolate=False).to_disk(out)
    except (ValueError, KeyError) as error:  # spaCy's own faults of a configuration are ValueErrors
        raise ConfigurationError(
            f"{base}: {', '.join(settings)} cannot be set: {error}; the file names what there is"
        ) from error
