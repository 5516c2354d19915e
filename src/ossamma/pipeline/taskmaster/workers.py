"""Which function does which phase of which backend."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from ossamma.pipeline.taskmaster import data_phase, judging_phases, native_phases
from ossamma.pipeline.taskmaster.phases import Phase, RunBackend
from ossamma.pipeline.taskmaster.work import Worker


def workers_of(backend: RunBackend) -> Mapping[Phase, Worker]:
    """Return the workers of a backend."""
    shared = {
        Phase.DATA: Worker(data_phase.inputs, data_phase.make),
        Phase.EVALUATE: Worker(judging_phases.evaluate_inputs, judging_phases.evaluate_make),
        Phase.GATE: Worker(judging_phases.gate_inputs, judging_phases.gate_make),
    }
    if backend is RunBackend.SPACY:
        return {**shared, **_of_spacy()}
    return shared | {
        Phase.TRAIN: Worker(native_phases.train_inputs, native_phases.train_make),
        Phase.CALIBRATE: Worker(native_phases.calibrate_inputs, native_phases.calibrate_make),
        Phase.PACKAGE: Worker(native_phases.package_inputs, native_phases.package_make),
    }


def _of_spacy() -> Mapping[Phase, Worker]:
    # By its name, because spaCy is an extra that the other backend can do without.
    phases = import_module("ossamma.pipeline.taskmaster.spacy_phases")
    return {
        Phase.CONFIG: Worker(phases.config_inputs, phases.config_make),
        Phase.TRAIN: Worker(phases.train_inputs, phases.train_make),
        Phase.PACKAGE: Worker(phases.package_inputs, phases.package_make),
    }
