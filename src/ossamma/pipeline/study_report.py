"""The report of a search: its best recipe as YAML, its trials as JSON and as one HTML file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from optuna import Study
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.trial import TrialState

from ossamma.data.charts import bar_chart
from ossamma.pipeline.pages import page
from ossamma.pipeline.recipe import SECTIONS, Recipe
from ossamma.pipeline.run_folder import write_json
from ossamma.pipeline.search_space import SearchSpace
from ossamma.pipeline.study import TrialRow
from ossamma.pipeline.study_charts import curves_chart, history_chart, slice_chart
from ossamma.schema.atomic import atomic_write

BEST_FILE = "best.yaml"
JSON_FILE = "study.json"
HTML_FILE = "study.html"
_FEWEST_FOR_IMPORTANCES = 5


def best_of(rows: Sequence[TrialRow]) -> TrialRow | None:
    """Return the complete trial with the best dev score; the earlier of equals."""
    complete = [row for row in rows if row.state == "complete" and row.f1 is not None]
    return max(complete, key=lambda row: (row.f1 or 0.0, -row.number), default=None)


def importances_of(study: Study) -> dict[str, float]:
    """Return how much each dimension decides whether a trial is among the best, summing to 1.

    PED-ANOVA (Watanabe et al. 2023) over the complete trials; nothing with fewer than five, where
    it would be noise.
    """
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len(complete) < _FEWEST_FOR_IMPORTANCES:
        return {}
    # A third of the trials as "the best": the default, a tenth, would be one or two.
    evaluator = PedAnovaImportanceEvaluator(target_quantile=1 / 3)
    return dict(get_param_importances(study, evaluator=evaluator))


def trial_line(row: TrialRow, rows: Sequence[TrialRow], *, total: int) -> str:
    """Return one line for the terminal: how a trial ended, and how far the search is."""
    done = sum(r.state in ("complete", "pruned", "failed") for r in rows)
    best = best_of(rows)
    values = ", ".join(f"{name} {shown(value)}" for name, value in row.values.items())
    seconds = "" if row.seconds is None else f"  {row.seconds:.0f} s"
    best_so_far = "" if best is None else f"  best {best.f1:.4f} (trial {best.number})"
    return f"[{done}/{total}] trial {row.number}: {_ending(row)}{seconds}{best_so_far}  {values}"


def _ending(row: TrialRow) -> str:
    if row.state == "complete" and row.f1 is not None:
        return f"dev F1 {row.f1:.4f}"
    if row.state == "pruned" and row.curve:
        epoch = max(row.curve)
        return f"pruned after epoch {epoch} at {row.curve[epoch]:.4f}"
    return f"failed: {row.reason}" if row.state == "failed" else row.state


def shown(value: object) -> str:
    """Return a value as people write it: three digits are enough."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def write_recipe(path: Path, recipe: Recipe, *, name: str, best: TrialRow) -> None:
    """Write what a recipe asks for, defaults left out, so that a checkpoint's own settings stay."""
    content: dict[str, Any] = {} if recipe.preset is None else {"preset": recipe.preset}
    content |= {name: dict(recipe.asked[name]) for name in SECTIONS if recipe.asked[name]}
    with atomic_write(path) as file:
        file.write(
            f"# Trial {best.number} of the search {name!r}: dev F1 {best.f1:.4f}.\n"
            "#   ossamma train --recipe THIS_FILE, and the other options of the search\n"
        )
        yaml.safe_dump(content, file, sort_keys=False, allow_unicode=True)


def write_report(folder: Path, content: Mapping[str, Any], space: SearchSpace) -> None:
    """Write the plots, and last the JSON, as the sign that all is there."""
    with atomic_write(folder / HTML_FILE) as file:
        file.write(render_html(content, space))
    write_json(folder / JSON_FILE, content)


def render_html(content: Mapping[str, Any], space: SearchSpace) -> str:
    """Return the report as one file without script, style sheet or picture from elsewhere."""
    trials = content["trials"]
    states = [trial["state"] for trial in trials]
    importances = [(name, round(100 * share)) for name, share in content["importances"].items()]
    return page(
        "study.html.jinja",
        filters={"shown": shown},
        study=content,
        counts={state: states.count(state) for state in sorted(set(states))},
        ranked=sorted(trials, key=lambda t: (t["f1"] is None, -(t["f1"] or 0.0), t["number"])),
        history=history_chart(trials),
        curves=curves_chart(trials),
        importances=bar_chart(importances, title="importance of each setting in per cent"),
        slices=[(d.name, slice_chart(trials, d)) for d in space.dimensions],
    )
