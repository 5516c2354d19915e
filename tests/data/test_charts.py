from __future__ import annotations

from defusedxml.ElementTree import fromstring

from ossamma.data.charts import bar_chart

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
