"""A model as the server loads it: verified, with everything that is known of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ossamma.export.bundle import load
from ossamma.export.manifest import read_metadata, resolve
from ossamma.export.reference import Reference, read_reference
from ossamma.inference.calibration import Calibration, ThresholdPolicy, Thresholds
from ossamma.inference.device import CPU
from ossamma.serving.stages import RecogniserStages, Stages


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadedModel:
    """A recogniser in its stages, and its facts."""

    stages: Stages[Any]
    """Of the recogniser; finds everything, whatever its confidence."""
    types: tuple[str, ...]
    """That it can find."""
    metadata: Mapping[str, Any]
    """Of its bundle."""
    calibration: Calibration | None = None
    """None: confidence is the raw posterior."""
    reference: Reference | None = None
    """What its bundle found on dev documents; None: drift cannot be told."""

    @property
    def checksum(self) -> str:
        """SHA-256 of its weights."""
        return str(self.metadata.get("checksum", ""))

    def thresholds(self, policy: ThresholdPolicy) -> Thresholds | None:
        """Return the thresholds of a policy; None if the model offers none of that name."""
        return self.calibration.thresholds.get(policy) if self.calibration else None


def load_model(path: Path, *, device: str = CPU) -> LoadedModel:
    """Verify a bundle, ask its golden cases, and load it.

    Raises:
        BundleError: it is not what it says it is.
        ConfigurationError: there is no such device.
    """
    recogniser = load(path, device=device)
    folder = resolve(path)
    return LoadedModel(
        stages=RecogniserStages(recogniser),
        types=recogniser.types,
        metadata=read_metadata(folder),
        calibration=recogniser.calibration,
        reference=read_reference(folder),
    )
