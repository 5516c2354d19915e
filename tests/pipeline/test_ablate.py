"""An ablation trains every variant with every seed once, goes on where it stopped, and compares."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ossamma.evaluation.metrics import strict_scores
from ossamma.pipeline import ablate as ablate_module
from ossamma.pipeline.ablate import AblateRequest, ablate
from ossamma.pipeline.run_family import RunFamily
from ossamma.pipeline.variants import Variant, choose, read_variants
from ossamma.schema.errors import CheckpointError, ConfigurationError, TrainingError
from tests import tiny

pytestmark = pytest.mark.e2e
BROKEN = Variant("broken", "cannot be trained", {"training.learning_rate": 1e30})


def request(files, folder, *names, **changes):
    family = RunFamily(profile="native", **files, assignments=tiny.ASSIGNMENTS)
    variants, _ = choose(read_variants(), family, names or ("no-gates",))
    fields = {"family": family, "variants": variants, "seeds": (1, 2), "out": folder / "study"}
    return AblateRequest(**{**fields, **changes})


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ablation")
    made = request(tiny.corpus(folder / "corpus"), folder)
    return made, ablate(made)


def answers(made):
    return {
        path.stem: json.loads(path.read_text()) for path in (made.out / "answers").glob("*.json")
    }


def test_the_table_has_the_scores_of_the_runs(done):
    made, outcome = done
    runs = answers(made)
    assert set(runs) == {"full-1", "full-2", "no-gates-1", "no-gates-2"}
    for name, row in outcome.table.cells.items():
        wanted = []
        for seed in (1, 2):
            metrics = json.loads(
                (made.out / "runs" / f"{name}-{seed}" / "metrics.json").read_text()
            )
            wanted.append(metrics["test"]["micro"]["f1"])
        assert row["micro-F1"].per_seed == pytest.approx(tuple(wanted))
        assert row["micro-F1"].value == pytest.approx(sum(wanted) / 2)


def test_the_kept_answers_are_those_of_the_bundle(done):
    made, _ = done
    _, splits, _ = made.family.read()
    documents = splits["test"].documents
    for answer in answers(made).values():
        found = ablate_module._entities(documents, answer)
        assert strict_scores(documents, found).micro.f1 == answer["test_f1"]


def test_a_variant_lacks_what_it_leaves_out(done):
    made, outcome = done
    sizes = {row["name"]: row["parameters"] for row in outcome.content["variants"]}
    # Two gates of 16 x 16 in the one block.
    assert sizes["full"] - sizes["no-gates"] == 2 * 16 * 16
    record = json.loads((made.out / "runs" / "no-gates-2" / "run.json").read_text())
    assert record["recipe"]["model"]["input_gate"] is False
    assert record["recipe"]["model"]["output_gate"] is False
    assert record["recipe"]["training"]["seed"] == 2


def test_the_reports_hold_the_same(done):
    made, outcome = done
    content = json.loads((made.out / "ablation.json").read_text())
    assert content == json.loads(json.dumps(outcome.content))
    assert {row["variant"] for row in content["claims"]} == {"no-gates"}
    page, text = ((made.out / f"ablation.{end}").read_text() for end in ("html", "md"))
    f1 = f"{100 * content['table']['variants']['no-gates']['micro-F1']['value']:.2f}"
    for report in (page, text):
        assert f1 in report
        assert "repeats far" in report
    assert "<script" not in page
    header = next(line for line in text.splitlines() if line.startswith("| variant | seeds"))
    row = next(line for line in text.splitlines() if line.startswith("| no-gates | 1, 2"))
    assert header.count("|") == row.count("|")


def test_finished_runs_are_not_repeated(done):
    made, outcome = done
    before = {path: path.stat().st_mtime_ns for path in (made.out / "runs").rglob("*")}
    again = ablate(made)
    assert {path: path.stat().st_mtime_ns for path in (made.out / "runs").rglob("*")} == before
    assert again.content == outcome.content


def test_other_settings_in_the_same_folder_are_refused(done):
    made, _ = done
    family = replace(made.family, assignments=(*tiny.ASSIGNMENTS, "training.epochs=1"))
    with pytest.raises(CheckpointError, match=r"recipe\.training\.epochs was 2, now it is 1"):
        ablate(replace(made, family=family))


def test_what_was_interrupted_goes_on(done, files, tmp_path, monkeypatch):
    """After two runs and one epoch; the end is that of an ablation without interruption."""
    _, whole = done
    made = request(files, tmp_path)
    real, calls = ablate_module.train, []

    def interrupted(run, console=None):
        calls.append(run)

        def watch(epoch, scores):
            if len(calls) == 3 and epoch == 2:
                raise KeyboardInterrupt
            return False

        return real(run, console, watch=watch)

    monkeypatch.setattr(ablate_module, "train", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ablate(made)
    partial = json.loads((made.out / "ablation.json").read_text())
    assert [row["seeds"] for row in partial["variants"]] == [[1], [1]]
    assert partial["seeds_drawn"] is False
    monkeypatch.undo()
    assert ablate(made).content["table"] == whole.content["table"]


def test_a_run_that_fails_is_passed_over_and_named(files, tmp_path):
    made = request(files, tmp_path, seeds=(1,))
    broken = replace(made, variants=(*made.variants, BROKEN))
    with pytest.raises(TrainingError, match="broken-1 failed"):
        ablate(broken)
    content = json.loads((made.out / "ablation.json").read_text())
    assert [row["name"] for row in content["variants"]] == ["full", "no-gates"]


def test_workers_share_the_runs(done, files, tmp_path):
    _, whole = done
    made = request(files, tmp_path, workers=2)
    assert ablate(made).content["table"] == whole.content["table"]


def test_what_a_request_cannot_say(done):
    made, _ = done
    for changes in (
        {"seeds": ()},
        {"seeds": (1, 1)},
        {"workers": 0},
        {"family": replace(made.family, test=None)},
    ):
        with pytest.raises(ConfigurationError):
            replace(made, **changes)
