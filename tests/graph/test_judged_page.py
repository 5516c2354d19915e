"""The page on the judged samples says what their files say, and no address in it is a link."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ossamma.cli.app import app
from ossamma.graph.judged import read_sample
from ossamma.graph.judged_page import judged_page
from ossamma.graph.sample import EVENLY, SampleRow

DOCS = Path(__file__).resolve().parents[2] / "docs"
SAMPLES = ["first", "second"]


@pytest.mark.parametrize("name", SAMPLES)
def test_the_page_has_what_the_verb_prints_of_the_files(name):
    file = DOCS / "graph-sample" / f"{name}.csv"
    done = CliRunner().invoke(app, ["graph", "precision", str(file), "--markdown"])
    assert done.exit_code == 0, done.output
    assert done.stdout in (DOCS / "graph-sample.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", SAMPLES)
def test_every_row_of_a_sample_is_judged_and_wrong_ones_say_why(name):
    rows = read_sample(DOCS / "graph-sample" / f"{name}.csv")
    evenly = Counter(row.kind for row in rows if row.drawn == EVENLY)
    assert evenly == {"mention": 200, "merge": 100}
    assert all(row.verdict for row in rows)
    assert all(row.note for row in rows if row.verdict != "right")


def test_a_hostile_context_stays_in_its_cell_and_leads_nowhere():
    context = "a | b\\| <script> [x](http://evil.com) www.evil.com me@evil.com `c` \u00abname\u00bb"
    row = SampleRow(number=1, kind="mention", drawn=EVENLY, key="k", type="T", rule="r",
                    name="name", context=context, source="s", verdict="right")  # fmt: skip
    page = judged_page([row])
    [line] = [line for line in page.splitlines() if "name" in line]
    assert len(re.findall(r"(?<!\\)\|", line.replace("\\\\", ""))) == 7, "six cells"
    assert not re.search(r"://|www\.|@|<|(?<!\\)[\[`]", line)
