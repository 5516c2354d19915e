"""The report in a real browser: it filters, keeps to its policy, and runs no foreign code."""

from __future__ import annotations

import re
import shutil
import subprocess
from html import unescape

import pytest

from ossamma.evaluation.report_pages import write_pages
from tests.evaluation.test_report_pages import EVIL, evil_report

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(BROWSER is None, reason=f"none of {', '.join(BROWSERS)} is installed"),
]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    write_pages(evil_report(), folder)
    return folder / "report.html"


def browse(page, tmp_path, fragment="", *options):
    """The page's elements after its script has run, and what the browser complained of."""
    done = subprocess.run(
        [
            BROWSER,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--enable-logging=stderr",
            f"--user-data-dir={tmp_path / 'profile'}",
            "--virtual-time-budget=5000",
            *options,
            "--dump-dom",
            f"{page.as_uri()}{fragment}",
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    complaints = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return done.stdout, complaints


def shown_cases(dom):
    """Relations of the cases that are not hidden."""
    items = re.findall(r"<li data-relation[^>]*>", dom)
    return [re.search('data-relation="([^"]*)"', item)[1] for item in items if "hidden" not in item]


def test_everything_is_shown_at_first(page, tmp_path):
    dom, complaints = browse(page, tmp_path)
    assert complaints == []
    assert len(shown_cases(dom)) == 3
    assert "3 of the 3 errors below" in dom
    assert not re.search(r'<form id="filters"[^>]*hidden', dom)


@pytest.mark.parametrize(
    ("fragment", "relations"),
    [
        ("#relation=spurious", ["spurious"]),
        ("#gold=&text=oslo", ["spurious"]),
        ("#relation=missed", []),
        ("#text=nothing+of+the+kind", []),
        ("#gold=B", ["wrong boundary and type"]),
        ("#errors", ["wrong type", "wrong boundary and type", "spurious"]),
    ],
)
def test_the_address_filters(page, tmp_path, fragment, relations):
    dom, complaints = browse(page, tmp_path, fragment)
    assert complaints == []
    assert sorted(shown_cases(dom)) == sorted(relations)
    assert f"{len(relations)} of the 3 errors below" in dom


def test_texts_stay_texts(page, tmp_path):
    dom, _ = browse(page, tmp_path, f"#text={EVIL}")
    assert len(re.findall(r"<script\b", dom)) == 1
    assert "<img" not in dom
    assert EVIL in unescape(dom)


def test_foreign_scripts_are_refused(page, tmp_path):
    """The policy holds even if an attack found its way into the page."""
    attacked = tmp_path / "attacked.html"
    script = "<script>document.title = 'broken'</script></body>"
    attacked.write_text(page.read_text(encoding="utf-8").replace("</body>", script), "utf-8")
    dom, complaints = browse(attacked, tmp_path)
    assert "broken</title>" not in dom
    assert any("Content Security Policy" in line for line in complaints)


def test_without_scripts_everything_can_be_read(page, tmp_path):
    bare = tmp_path / "bare.html"
    content = page.read_text(encoding="utf-8")
    bare.write_text(re.sub("<script>.*</script>", "", content, flags=re.DOTALL), encoding="utf-8")
    dom, _ = browse(bare, tmp_path)
    assert len(shown_cases(dom)) == 3
    assert re.search(r'<form id="filters"[^>]*hidden', dom)


@pytest.mark.parametrize("width", [390, 1400])
def test_nothing_sticks_out_of_the_screen(page, tmp_path, width):
    """A picture is drawn, and nothing makes the page wider than the window."""
    measuring = tmp_path / "measured.html"
    script = "<script>document.title = `${document.documentElement.scrollWidth}`</script></body>"
    content = page.read_text(encoding="utf-8").replace("</body>", script)
    content = re.sub('<meta http-equiv="Content-Security-Policy"[^>]*>', "", content)
    measuring.write_text(content, encoding="utf-8")
    dom, _ = browse(measuring, tmp_path, "", f"--window-size={width},1000")
    found = re.search(r"<title>(\d+)</title>", dom)
    assert found, "the script ran"
    assert int(found[1]) <= max(width, 500)  # a window of this browser is no narrower than 500
