"""The phases of a run: what they are called, in which order, and what each of them needs."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from ossamma.schema.errors import ConfigurationError
from ossamma.schema.near_names import near


class RunBackend(StrEnum):
    """Who trains."""

    NATIVE = "native"
    SPACY = "spacy"


class Phase(StrEnum):
    """A part of a run that is done as a whole or not at all."""

    DATA = "data"
    CONFIG = "config"
    TRAIN = "train"
    CALIBRATE = "calibrate"
    EVALUATE = "evaluate"
    GATE = "gate"
    PACKAGE = "package"


NEEDS: Final[Mapping[RunBackend, Mapping[Phase, tuple[Phase, ...]]]] = {
    RunBackend.NATIVE: {
        Phase.DATA: (),
        Phase.TRAIN: (Phase.DATA,),
        Phase.CALIBRATE: (Phase.DATA, Phase.TRAIN),
        Phase.EVALUATE: (Phase.DATA, Phase.CALIBRATE),
        Phase.GATE: (Phase.EVALUATE,),
        Phase.PACKAGE: (Phase.DATA, Phase.CALIBRATE, Phase.EVALUATE, Phase.GATE),
    },
    # spaCy's recogniser has no probabilities, so there is nothing to calibrate.
    RunBackend.SPACY: {
        Phase.DATA: (),
        Phase.CONFIG: (Phase.DATA,),
        Phase.TRAIN: (Phase.DATA, Phase.CONFIG),
        Phase.EVALUATE: (Phase.DATA, Phase.TRAIN),
        Phase.GATE: (Phase.EVALUATE,),
        Phase.PACKAGE: (Phase.TRAIN, Phase.GATE),
    },
}
"""In their order; what a phase needs stands before it."""


def phases_of(backend: RunBackend) -> tuple[Phase, ...]:
    """Return the phases in their order."""
    return tuple(NEEDS[backend])


def phase_named(name: str, backend: RunBackend) -> Phase:
    """Return the phase of this name.

    Raises:
        ConfigurationError: this backend has no such phase.
    """
    known = phases_of(backend)
    if name not in known:
        raise ConfigurationError(
            f"expected a phase of the backend {backend} ({', '.join(known)}), got {name!r}"
            + near(name, known)
        )
    return Phase(name)


def all_before(phase: Phase, backend: RunBackend) -> frozenset[Phase]:
    """Return everything that a phase needs, directly or not."""
    direct = NEEDS[backend][phase]
    return frozenset(direct).union(*(all_before(each, backend) for each in direct))
