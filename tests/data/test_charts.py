from __future__ import annotations

import pytest
from defusedxml.ElementTree import fromstring

from ossamma.data.charts import (
    Cell,
    ShareBar,
    bar_chart,
    heat_map,
    share_chart,
    short_number,
    stacked_chart,
)

SVG = "{http://www.w3.org/2000/svg}"


def test_bars_are_as_long_as_their_numbers():
    root = fromstring(bar_chart([("a", 50), ("b", 100), ("none", 0)], title="counts"))
    one, two, zero = (float(bar.get("width")) for bar in root.iter(f"{SVG}rect"))
    assert (two, zero) == (2 * one, 0)
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert texts == ["a", "50", "b", "100", "none", "0"]


def test_a_hostile_label_stays_text():
    root = fromstring(bar_chart([("</svg><script>alert(1)</script>", 1)], title="<b>"))
    assert [element.tag for element in root.iter()].count(f"{SVG}script") == 0


def test_no_rows_make_an_empty_chart():
    assert not list(fromstring(bar_chart([], title="nothing")).iter(f"{SVG}rect"))


def test_shares_are_drawn_on_one_scale_with_their_intervals():
    bars = [ShareBar("a", 0.5, (0.25, 0.75), "note"), ShareBar("b", 1.0)]
    root = fromstring(share_chart(bars, title="shares"))
    half, whole = (float(bar.get("width")) for bar in root.iter(f"{SVG}rect"))
    assert whole == 2 * half
    (whisker,) = root.iter(f"{SVG}path")
    left = float(next(root.iter(f"{SVG}rect")).get("x"))
    assert whisker.get("d").startswith(f"M{left + whole / 4} ")
    assert f"H{left + 3 * whole / 4}M" in whisker.get("d")


@pytest.mark.parametrize("number", [3, 60])
def test_a_heat_map_has_its_numbers_in_their_cells(number):
    names = [f"TYPE_{index}" for index in range(number)]
    cells = [Cell(0, 1, 1234, 0.5, "wrong", "a note", "#x"), Cell(number - 1, 0, 5, 1.0, "right")]
    root = fromstring(heat_map(names, names, cells, title="confusion"))
    one, other = root.iter(f"{SVG}rect")
    assert float(one.get("y")) < float(other.get("y"))
    assert float(one.get("x")) > float(other.get("x"))
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert ("1,234" if number == 3 else "1.2k") in texts
    assert texts.count("TYPE_2") == 2
    assert [link.get("href") for link in root.iter(f"{SVG}a")] == ["#x"]
    width, height = float(root.get("width")), float(root.get("height"))
    for rect in (one, other):
        assert float(rect.get("x")) + float(rect.get("width")) <= width
        assert float(rect.get("y")) + float(rect.get("height")) <= height


def test_hostile_names_stay_text_everywhere():
    evil = '"></svg><script>alert(1)</script>' * 3
    for chart in (
        share_chart([ShareBar(evil, 0.5, None, evil)], title=evil),
        heat_map([evil], [evil], [Cell(0, 0, 1, 1.0, "wrong", evil, f"#{evil}")], title=evil),
    ):
        assert [element.tag for element in fromstring(chart).iter()].count(f"{SVG}script") == 0


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1_000, "1.0k"),
        (9_949, "9.9k"),
        (9_950, "10k"),
        (99_499, "99k"),
        (2_000_000, "2.0M"),
    ],
)
def test_short_numbers(number, text):
    assert short_number(number) == text


def test_a_stacked_bar_is_cut_by_its_shares():
    root = fromstring(stacked_chart([("a", [300.0, 900.0])], ["x", "y"], title="t", unit="ms"))
    one, other = [bar for bar in root.iter(f"{SVG}rect") if bar.find(f"{SVG}title") is not None]
    assert float(other.get("width")) == pytest.approx(3 * float(one.get("width")), abs=0.2)
    assert float(other.get("x")) == pytest.approx(float(one.get("x")) + float(one.get("width")))
    assert "1,200 ms" in [text.text for text in root.iter(f"{SVG}text")]
    assert "a, y: 900 ms (75.0%)" in "".join(other.itertext())
