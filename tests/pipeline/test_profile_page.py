"""The page is one file that loads nothing, and has every figure of the profile."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from ossamma.pipeline.profile_page import (
    HTML_FILE,
    JSON_FILE,
    latency_chart,
    render_profile,
    stage_chart,
    throughput_chart,
    write_profile,
)
from ossamma.pipeline.stage_clock import Stage
from ossamma.schema.errors import DataError

EVIL = "<script>alert('x')</script>"


def calls(scale):
    stages = {stage.value: scale * (number + 1) for number, stage in enumerate(Stage)}
    total = sum(stages.values())
    return {
        "ms": {name: total + more for more, name in enumerate(("p50", "p90", "p95", "p99"))},
        "mean_ms": total + 1,
        "best_ms": total - 1,
        "worst_ms": total + 9,
        "clocked_ms": total + 0.25,
        "sum_of_stages_ms": total,
        "stages_ms": stages,
    }


@pytest.fixture
def profile():
    """A profile whose names would be markup."""
    lengths = [
        {
            "length": length,
            "pieces": length - 1,
            "words": length // 2,
            "sequences_per_second": 1234.5 / length,
            "pieces_per_second": 98765.0 - length,
            "words_per_second": 4321.0 + length,
            "peak_mib": None if length == 32 else 777.0,
            "alone": calls(length / 64),
            "together": calls(length / 8),
        }
        for length in (32, 128, 512)
    ]
    plan = {"figure": "latency", "measured": 12.34, "unit": "ms", "plan": "< 50", "met": True}
    return {
        "ossamma": "0.1.0",
        "hardware": EVIL,
        "bundle": f"runs/{EVIL}",
        "checksum": "f" * 64,
        "parameters": 1_234_567,
        "text": "demonstration corpus",
        "batch": 16,
        "runs": 20,
        "batch_runs": 5,
        "window_pieces": 512,
        "notes": [EVIL],
        "lengths": lengths,
        "plan": [plan],
    }


class Outline(HTMLParser):
    """Collects what a page would load or run, and whether its tags are balanced."""

    def __init__(self):
        super().__init__()
        self.loads, self.open = [], []

    def handle_starttag(self, tag, attrs):
        found = {name: value for name, value in attrs if name in {"src", "href", "srcset"}}
        self.loads += [value for value in found.values() if not value.startswith("#")]
        self.loads += [tag] * (tag in {"script", "iframe", "link"})
        if tag not in {"meta", "br", "hr", "img"}:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_is_whole_and_loads_nothing(profile):
    page, outline = render_profile(profile), Outline()
    outline.feed(page)
    assert (outline.loads, outline.open) == ([], [])
    assert EVIL not in page
    assert page.count("&lt;script&gt;") >= 4
    assert "url(" not in page


def test_every_figure_is_on_the_page(profile):
    page = render_profile(profile)
    for row in profile["lengths"]:
        assert f"{row['pieces_per_second']:,.0f}" in page
        for kind in ("alone", "together"):
            for spent in row[kind]["stages_ms"].values():
                assert f">{spent:,.2f}<" in page
    assert "12.34 ms" in page
    assert "&lt; 50 ms (met)" in page
    assert "1,234,567 parameters" in page


def test_a_profile_without_the_plans_length_has_no_such_section(profile):
    assert "Beside the plan" not in render_profile({**profile, "plan": []})


def shapes(chart, tag):
    return [each for each in ElementTree.fromstring(str(chart)).iter() if each.tag.endswith(tag)]


def test_there_is_a_point_for_every_length(profile):
    for chart in (latency_chart(profile["lengths"]), throughput_chart(profile["lengths"])):
        titles = [title.text for title in shapes(chart, "title")]
        assert sum("pieces:" in title for title in titles) == 3


@pytest.mark.parametrize("kind", ["alone", "together"])
def test_bars_are_as_long_as_the_stages(profile, kind):
    chart = stage_chart(profile["lengths"], kind)
    for row in profile["lengths"]:
        for stage, spent in row[kind]["stages_ms"].items():
            assert re.search(re.escape(stage), str(chart)), (stage, spent)
    bars = [
        float(bar.get("width")) for bar in shapes(chart, "rect") if "part" in bar.get("class", "")
    ]
    assert len(bars) >= 3 * len(Stage)


def test_a_single_length_is_drawn(profile):
    render_profile({**profile, "lengths": profile["lengths"][:1]})


def test_the_folder_holds_page_and_figures(profile, tmp_path):
    write_profile(profile, tmp_path / "new" / "folder")
    assert json.loads((tmp_path / "new" / "folder" / JSON_FILE).read_text()) == profile
    page = (tmp_path / "new" / "folder" / HTML_FILE).read_text(encoding="utf-8")
    assert page == render_profile(profile)
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="cannot make the folder"):
        write_profile(profile, tmp_path / "file")


def test_the_plan_is_in_the_picture_where_its_length_was_measured(profile):
    lengths = profile["lengths"]
    chart = latency_chart(lengths)
    [plan] = [dot for dot in shapes(chart, "circle") if dot.get("class") == "faint"]
    [measured] = [dot for dot in shapes(chart, "circle") if "512 pieces" in "".join(dot.itertext())]
    assert plan.get("cx") == measured.get("cx")
    assert float(plan.get("cy")) > float(measured.get("cy")), "less time stands lower"
    assert not [
        dot for dot in shapes(latency_chart(lengths[:2]), "circle") if dot.get("class") == "faint"
    ]
