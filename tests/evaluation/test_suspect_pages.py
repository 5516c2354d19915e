"""The page of suspects loads nothing, shows foreign text as text, and holds every suspect."""

from __future__ import annotations

import re

from ossamma.evaluation.suspect_pages import ON_PAGE, render_markdown, render_page

EVIL = "<script>alert(1)</script>|\u202e"


def side(label, text=EVIL):
    return {"start": 3, "end": 3 + len(text), "type": label, "text": text}


def suspect(rank, kind, given, suggested):
    return {
        "rank": rank,
        "kind": kind,
        "document": EVIL,
        "dataset": "",
        "given": given,
        "suggested": suggested,
        "score": 0.5,
        "posteriors": {"given": 0.1, "suggested": 0.6},
        "annotation_at_fault": 0.25 if suggested else None,
        "reason": f"{EVIL} is doubted",
        "context": {"start": 0, "text": f"ab {EVIL} cd"},
    }


ROWS = [
    suspect(1, "missing", None, side("A")),
    suspect(2, "spurious", side("A"), None),
    suspect(3, "type", side("A"), side("B")),
    suspect(4, "boundary", side("A", EVIL[:8]), side("A")),
]


def content(estimate=None):
    counts = {"missing": 1, "spurious": 1, "boundary": 1, "type": 1}
    return {
        "ossamma": "0",
        "profile": EVIL,
        "source": {"path": EVIL, "sha256": "0" * 64, "documents": 2, "marks": 9},
        "models": "models",
        "notes": [EVIL],
        "settings": {"ranking": "margin"},
        "level": 0.95,
        "scores": {"micro": {"f1": 0.5}},
        "kinds": counts,
        "types": {
            "A": {"marks": 9, "doubted": 3, **counts},
            "B": {"marks": 0, "doubted": 0, **counts},
        },
        "thresholds": {"A": 0.9, "nothing": 0.99},
        "unread": 1,
        "estimate": estimate or {"not_measurable": "too little"},
    }  # fmt: skip


def test_no_text_becomes_markup_and_nothing_is_loaded():
    page = render_page(content(), ROWS)
    assert page.count("<script>") == 1  # our own
    assert "alert(1)</script>" not in page
    assert "\u202e" not in page
    assert "\\u202e" in page
    assert not re.search(r"(?:src|href)\s*=\s*[\"'](?!#)", page)
    assert "default-src &#39;none&#39;" in page


def test_every_suspect_is_there_in_order():
    page = render_page(content(), ROWS)
    kinds = re.findall(r'<li data-relation="([a-z]+)"', page)
    assert kinds == ["missing", "spurious", "type", "boundary"]
    text = render_markdown(content(), ROWS)
    table = [line for line in text.splitlines() if re.match(r"\| \d+ \|", line)]
    assert len(table) == 4
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table}) == 1


def test_what_does_not_fit_is_said():
    many = [ROWS[0] | {"rank": rank} for rank in range(1, ON_PAGE + 6)]
    page = render_page(content(), many)
    assert page.count("<li data-relation") == ON_PAGE
    assert "5 more are in suspects.jsonl" in page


def test_the_estimate_is_in_words_or_its_lack():
    estimate = {"wrong": 120, "annotation": 33.4, "interval": [20.0, 44.0], "missed": 7}
    for render in (render_page, render_markdown):
        told = render(content(estimate), ROWS)
        assert "Of 120 predictions" in told
        assert "about 33 are right" in told
        assert "20 to 44" in told
        assert "too little" in render(content(), ROWS)
