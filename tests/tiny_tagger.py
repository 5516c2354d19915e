"""A tagger around a tiny encoder of transformers, as a run makes it before its first step."""

from __future__ import annotations

from pathlib import Path

import torch

from ossamma.model.modeling import OssammaForTokenClassification
from ossamma.pipeline.hub_encoder import from_hugging_face
from ossamma.pipeline.recipe import Recipe, build_recipe
from tests import tiny

ASSIGNMENTS = (
    "training.epochs=2",
    "training.batch_size=4",
    "training.gradient_accumulation_steps=1",
    "training.window_pieces=60",
    "training.learning_rate=0.01",
    "training.num_threads=1",
)
"""Settings of a run that takes a second."""


def recipe(*assignments: str) -> Recipe:
    """The settings above, with some of them changed."""
    return build_recipe(assignments=[*ASSIGNMENTS, *assignments], pretrained=True)


def tagger(folder: Path) -> OssammaForTokenClassification:
    """A tagger with the folder's encoder and random heads, in eval mode."""
    torch.manual_seed(0)
    return from_hugging_face(str(folder), tiny.LABELS, recipe()).model.eval()
