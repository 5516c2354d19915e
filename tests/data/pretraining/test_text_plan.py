"""Plans of a mixture: what is written is what is taken, and faults name file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from ossamma.data.catalog import Redistribution, load_card
from ossamma.data.pretraining.text_plan import load_text_plan
from ossamma.schema.errors import ConfigurationError, DataError, OssammaError

PLAN = """
licences: [yes, share-alike]
sources:
  - card: text_openstax_ccby
    weight: 2.5
  - name: mine
    path: some/where.jsonl
    format: text_json
    licence: CC-BY-SA-4.0
    redistributable: share-alike
    options: {text: body}
    min_words: 5
"""
SHIPPED = Path(__file__).parents[3] / "recipes" / "default" / "texts.yaml"


def plan_of(tmp_path, text):
    path = tmp_path / "plan.yaml"
    path.write_text(text)
    return path


def test_a_plan_says_what_its_file_says(tmp_path):
    plan = load_text_plan(plan_of(tmp_path, PLAN))
    card, own = plan.sources
    assert (card.card, card.weight, card.path, card.min_words) == (
        "text_openstax_ccby",
        2.5,
        None,
        None,
    )
    assert (own.name, own.path, own.format) == ("mine", Path("some/where.jsonl"), "text_json")
    assert (own.licence, own.redistributable) == ("CC-BY-SA-4.0", Redistribution.SHARE_ALIKE)
    assert (dict(own.options), own.min_words, own.weight) == ({"text": "body"}, 5, 1.0)
    assert plan.licences == {Redistribution.YES, Redistribution.SHARE_ALIKE}


def test_terms_that_a_plan_does_not_take_are_refused_by_name(tmp_path):
    plan = load_text_plan(plan_of(tmp_path, PLAN))
    plan.check_terms(Redistribution.SHARE_ALIKE, "fine")
    with pytest.raises(ConfigurationError, match=r"source news: .*'non-commercial'"):
        plan.check_terms(Redistribution.NON_COMMERCIAL, "news")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("card: text_openstax_ccby", "weight: 1", r"plan.yaml:4: "),
        ("weight: 2.5", "weight: much", r"plan.yaml:4: 'weight' must be a number, got 'much'"),
        ("weight: 2.5", "weight: 0", r"plan.yaml:4: .*weight must be > 0, got 0.0"),
        ("weight: 2.5", "weight: nan", r"plan.yaml:4: .*weight must be > 0, got nan"),
        ("weight: 2.5", "wight: 2", r"plan.yaml:5: unknown key 'wight'.*weight"),
        ("weight: 2.5", "path: x.txt", r"plan.yaml:4: .*either a card or a path"),
        ("    format: text_json\n", "", r"plan.yaml:6: .*a name and a format"),
        ("min_words: 5", "min_words: -1", r"plan.yaml:12: 'min_words' must be a whole number"),
        ("[yes, share-alike]", "[sometimes]", r"licences.*'sometimes'"),
    ],
)
def test_faults_name_their_place(tmp_path, old, new, message):
    duplicated = PLAN.replace("    weight: 2.5\n", "") if new == "weight: 1" else PLAN
    with pytest.raises(OssammaError, match=message):
        load_text_plan(plan_of(tmp_path, duplicated.replace(old, new)))


def test_a_plan_without_sources_and_no_plan_at_all(tmp_path):
    with pytest.raises(OssammaError, match="at least one source"):
        load_text_plan(plan_of(tmp_path, "sources: []\n"))
    with pytest.raises(DataError, match="no such file"):
        load_text_plan(tmp_path / "none.yaml")


def test_the_default_model_reads_texts_that_may_be_passed_on_alone():
    plan = load_text_plan(SHIPPED)
    assert plan.licences == {Redistribution.YES, Redistribution.SHARE_ALIKE}
    for text in plan.sources:
        terms = load_card(text.card).redistributable if text.card else text.redistributable
        plan.check_terms(terms, text.card or text.name)
