"""The page in a real browser: a person types, clicks, filters, and reads the result."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from ossamma.export.bundle import load
from tests.serving.browser import BROWSER, MISSING, tab
from tests.serving.processes import server, write_bundle
from tests.serving.serving import run, serving

browsed = [
    pytest.mark.e2e,
    pytest.mark.timeout(300),
    pytest.mark.skipif(BROWSER is None, reason=MISSING),
]
TEXT = "👍 Ada Lovelace met <b>Alan Turing</b> in Oslo .\nNew York & Lima"


def test_the_page_has_all_its_parts_and_no_foreign_ones():
    async def story():
        async with serving() as server:
            page = await server.client.get("/")
            assert page.headers["content-type"] == "text/html; charset=utf-8"
            assert "default-src 'none'" in page.headers["content-security-policy"]
            assert not re.findall(r"(?:src|href)=[\"'](?:https?:)?//", page.text)
            named = re.findall(r"(?:src|href)=\"(page/[^\"]+)\"", page.text)
            assert len(named) == 2
            for name in named:
                part = await server.client.get(f"/{name}")
                assert part.status_code == 200
                assert "http" not in re.sub(r"//.*", "", part.text)

    run(story)


def test_every_field_has_a_name():
    """What a screen reader says of each field."""
    page = Path(__file__).parents[2] / "src/ossamma/serving/page/index.html"
    text = page.read_text(encoding="utf-8")
    assert '<html lang="en">' in text
    for field in re.findall(r"<(?:textarea|input)[^>]*id=\"([^\"]+)\"", text):
        is_named = f'for="{field}"' in text
        is_inside = re.search(rf"<label[^>]*>[^<]*<input[^>]*id=\"{field}\"", text)
        assert is_named or is_inside, field
    assert 'aria-live="polite"' in text


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A running server, and what its model finds offline."""
    folder = tmp_path_factory.mktemp("site")
    bundle = write_bundle(folder / "bundle")
    found = load(bundle).recognise([TEXT])[0]
    assert len({entity.label for entity in found}) == 2, "both types are found"
    with server(folder, "--bundle", str(bundle)) as running:
        yield running.url, found


def ask(page, url: str) -> None:
    page.open(url)
    page.type("#text", TEXT)
    page.click("#go")
    page.wait("document.querySelectorAll('#rows tr').length > 0")


SHOWN = """[...document.querySelectorAll('#rows tr')].map(
    row => [...row.children].map(cell => cell.textContent))"""


@pytest.mark.parametrize("_", [pytest.param(0, marks=browsed)], ids=["browser"])
def test_a_person_asks_reads_filters_and_copies(site, tmp_path, _):
    url, found = site
    with tab(tmp_path) as page:
        ask(page, url)
        rows = page.run(SHOWN)
        assert [row[:2] for row in rows] == [[e.text, e.label] for e in found]
        assert [row[3] for row in rows] == [f"{e.start}\u2013{e.end}" for e in found]
        marks = page.run("[...document.querySelectorAll('mark')].map(m => m.firstChild.data)")
        assert marks == [e.text for e in found]
        titles = page.run("[...document.querySelectorAll('mark')].map(m => m.title)")
        assert all("confidence" in title for title in titles)
        plain = page.run(
            "(() => { const c = document.querySelector('#result').cloneNode(true);"
            " c.querySelectorAll('mark span').forEach(s => s.remove()); return c.textContent; })()"
        )
        assert plain == TEXT, "nothing is lost, and markup stays text"
        if folder := os.environ.get("OSSAMMA_SCREENSHOTS"):
            page.screenshot(Path(folder) / "page.png")

        # By type: the first box unchecked.
        label = page.run("document.querySelector('#types input').value")
        page.click("#types input")
        kept = [e for e in found if e.label != label]
        assert [row[0] for row in page.run(SHOWN)] == [e.text for e in kept]
        status = page.run("document.querySelector('#status').textContent")
        assert status == f"{len(kept)} of {len(found)} entities shown."

        # By confidence: above that of the least certain one.
        least = sorted(round(e.confidence, 2) for e in found)[0] + 0.01
        page.run(
            f"(() => {{ const c = document.querySelector('#confidence'); c.value = '{least}';"
            " c.dispatchEvent(new Event('input')); })()"
        )
        sure = [e for e in kept if e.confidence >= least]
        assert [row[0] for row in page.run(SHOWN)] == [e.text for e in sure]

        # What is copied is what is shown.
        page.run(
            "Object.defineProperty(navigator, 'clipboard', {value: {writeText: async t => "
            "{ window.copied = t; }}})"
        )
        page.click("#copy")
        page.wait("window.copied !== undefined")
        copied = json.loads(page.run("window.copied"))
        assert copied["text"] == TEXT
        assert [e["start"] for e in copied["entities"]] == [e.start for e in sure]
        assert page.complaints == []


@pytest.mark.parametrize("_", [pytest.param(0, marks=browsed)], ids=["browser"])
def test_the_keyboard_is_enough(site, tmp_path, _):
    url, found = site
    with tab(tmp_path) as page:
        page.open(url)
        page.type("#text", TEXT)
        page.key("Enter", 13, modifiers=2)
        page.wait("document.querySelectorAll('#rows tr').length > 0")
        assert len(page.run(SHOWN)) == len(found)
        # Tab goes on to the first marked entity sooner or later, and marks can be focused.
        for _step in range(60):
            page.key("Tab", 9)
            if page.run("document.activeElement.tagName") == "MARK":
                break
        assert page.run("document.activeElement.tagName") == "MARK"
        shown = "getComputedStyle(document.activeElement.querySelector('.confidence')).display"
        assert page.run(shown) == "inline"


@pytest.mark.parametrize("_", [pytest.param(0, marks=browsed)], ids=["browser"])
def test_files_are_dropped_and_examples_clicked(site, tmp_path, _):
    url, _found = site
    with tab(tmp_path) as page:
        page.open(url)
        page.run(
            "(() => { const data = new DataTransfer();"
            " data.items.add(new File(['Ada Lovelace in Oslo'], 'a.txt', {type: 'text/plain'}));"
            " document.querySelector('#text').dispatchEvent(new DragEvent('drop',"
            " {dataTransfer: data, bubbles: true, cancelable: true})); })()"
        )
        page.wait("/entities shown/.test(document.querySelector('#status').textContent)")
        assert page.run("document.querySelector('#text').value") == "Ada Lovelace in Oslo"
        page.click("#examples button")
        page.wait("document.querySelector('#result').textContent.includes('microscope')")
        page.click("#clear")
        assert page.run("document.querySelector('#result').textContent") == ""
        assert page.complaints == []


@pytest.mark.parametrize("scheme", [pytest.param(s, marks=browsed) for s in ("light", "dark")])
def test_words_stand_out_from_their_ground(site, tmp_path, scheme):
    """WCAG AA: a contrast of at least 4.5 for text, in both schemes, also on marks."""
    url, _found = site
    with tab(tmp_path) as page:
        page.call(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": scheme}],
        )
        ask(page, url)
        contrasts = page.run(
            """(() => {
            const light = c => { const [r, g, b] = c.match(/[\\d.]+/g).slice(0, 3).map(Number)
                .map(v => v / 255)
                .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
                return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
            const ground = e => { for (; e; e = e.parentElement) {
                const c = getComputedStyle(e).backgroundColor;
                if (!/rgba\\(.*, 0\\)/.test(c)) return c; } return 'rgb(255,255,255)'; };
            return [...document.querySelectorAll('mark, button, p, label, td, h1, a')].map(e => {
                const both = [light(getComputedStyle(e).color), light(ground(e))];
                const [a, b] = both.sort((x, y) => y - x);
                return [e.tagName + '#' + e.id, (a + 0.05) / (b + 0.05)]; });
            })()"""
        )
        assert min(contrasts, key=lambda each: each[1])[1] >= 4.5, sorted(
            contrasts, key=lambda each: each[1]
        )[:3]
        is_dark = page.run("getComputedStyle(document.body).backgroundColor") == "rgb(20, 24, 29)"
        assert is_dark == (scheme == "dark")


@pytest.mark.parametrize("width", [pytest.param(w, marks=browsed) for w in (390, 1400)])
def test_nothing_sticks_out_of_the_screen(site, tmp_path, width):
    url, _found = site
    with tab(tmp_path) as page:
        page.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=False,
        )
        ask(page, url)
        assert page.run("document.documentElement.scrollWidth") <= width
