"""The words of the experiment book: kinds of runs, how they stand, and what they are sorted by."""

from __future__ import annotations

from enum import StrEnum


class RunKind(StrEnum):
    """What a run is for."""

    TRAINING = "training"
    PRETRAINING = "pretraining"
    DEMO = "demo"
    TRIAL = "trial"
    ABLATION = "ablation"
    FOLD = "fold"
    UNKNOWN = "unknown"


class RunStatus(StrEnum):
    """How a run stands."""

    FINISHED = "finished"
    RUNNING = "running"
    INTERRUPTED = "interrupted"
    FAILED = "failed"
    PRUNED = "pruned"
    LEFT = "left"
    DAMAGED = "damaged"
    FOREIGN = "foreign"


class SortKey(StrEnum):
    """What the book can be sorted by."""

    NAME = "name"
    KIND = "kind"
    STATUS = "status"
    PROFILE = "profile"
    SIZE = "size"
    EPOCHS = "epochs"
    STEPS = "steps"
    DEV = "dev"
    TEST = "test"
    STARTED = "started"
    ENDED = "ended"
    SECONDS = "seconds"
