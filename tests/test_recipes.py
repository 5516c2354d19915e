"""Every recipe that the repository shows loads, resolves completely, and names real settings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ossamma.pipeline.recipe import build_recipe

FOLDER = Path(__file__).resolve().parents[1] / "recipes"
OTHERS = ("pretrain", "texts")  # they have other sections
RECIPES = sorted(path for path in FOLDER.rglob("*.yaml") if path.stem not in OTHERS)


def test_there_are_recipes() -> None:
    assert len(RECIPES) >= 3


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_recipe_resolves(path: Path) -> None:
    recipe = build_recipe(file=path)
    resolved = json.loads(json.dumps(recipe.to_json()))
    assert set(resolved) == {"preset", "model", "training", "tokenizer"}
    assert resolved["training"]["epochs"] >= 1
