"""The card's front matter is what a hub reads; foreign text cannot break out of its cell."""

from __future__ import annotations

import pytest
import yaml

from ossamma.export.card import CardContent, CardSettings, model_card
from ossamma.schema.profile import TypeDescription

FACTS = {"num_parameters": 1234, "val_f1": 0.5, "checkpoint_epoch": 2.0}
ROW = {"precision": 0.5, "recall": 0.25, "f1": 1 / 3, "support": 4}
SCORES = {"dev": {"micro": ROW, "per_type": {"A|B": ROW}}, "test": None}


def page(settings=None, **changes):
    content = {
        "facts": FACTS,
        "types": [TypeDescription("A", "a | b\n# not a heading", ("<script>", "x_y"))],
        "form": "int8",
        "f1_check": None,
        "verdicts": None,
        "num_golden": 3,
        "calibrated": False,
        **changes,
    }
    return model_card(settings or CardSettings(name="acme/ner"), CardContent(**content)).decode()


def front_matter(text):
    _, header, body = text.split("---\n", 2)
    return yaml.safe_load(header), body


def test_the_front_matter_names_task_library_and_results():
    settings = CardSettings(name="acme/ner", licence="mit", languages=("en", "no"))
    header, _ = front_matter(page(settings, facts={**FACTS, "scores": SCORES}))
    assert header["license"] == "mit"
    assert header["language"] == ["en", "no"]
    assert header["pipeline_tag"] == "token-classification"
    [model] = header["model-index"]
    [result] = model["results"]
    assert result["metrics"][0] == {"type": "f1", "value": 0.333333}
    assert result["dataset"]["split"] == "dev"


def test_what_is_not_known_is_left_out_of_the_front_matter():
    header, body = front_matter(page())
    assert not {"license", "language", "model-index"} & set(header)
    assert "was not measured" in body
    assert "No gates" in body
    assert "raw posteriors" in body


def test_text_of_a_profile_stays_in_its_cell():
    [row] = [line for line in page().splitlines() if line.startswith("| A |")]
    assert row == "| A | a \\| b # not a heading | \\<script\\>; x\\_y |"


def test_figures_and_verdicts_are_told():
    check = {"trained": 0.9, "released": 0.899, "documents": 7}
    verdicts = {"gates": "g.yaml", "outcome": "passed", "outcomes": {"passed": 2, "failed": 0}}
    text = page(
        facts={**FACTS, "scores": SCORES}, f1_check=check, verdicts=verdicts, calibrated=True
    )
    assert "| dev | all (micro) | 50.00 | 25.00 | 33.33 | 4 |" in text
    assert "| dev | A\\|B | 50.00 | 25.00 | 33.33 | 4 |" in text
    assert "on 7 dev documents is 89.90 %" in text
    assert "2 passed, 0 failed" in text
    assert "are calibrated" in text


@pytest.mark.parametrize("name", ["a: b", "x # y", "- z", '"q"'])
def test_names_do_not_break_the_front_matter(name):
    header, _ = front_matter(page(CardSettings(name=name), facts={**FACTS, "scores": SCORES}))
    assert header["model-index"][0]["name"] == name
