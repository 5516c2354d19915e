"""The page shows every section, takes no text for markup, and fetches nothing."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.evaluation.errors import ErrorSettings, collect_errors
from ossamma.evaluation.judge import judge
from ossamma.evaluation.report import make_report
from ossamma.evaluation.report_pages import pieces_of, render_markdown, render_page, write_pages
from ossamma.schema.profile import load_profile
from ossamma.schema.spans import Annotation, Document, Entity
from tests.evaluation import spans
from tests.evaluation.test_report import FACTS, report_of

EVIL = "</title></style></script><script>alert(1)</script><img/src=x/onerror=alert(1)>\"'"
TRAINING = {
    "best_f1": 0.5,
    "stopped_early": False,
    "curve": [{"epoch": 0.5, "loss": 2.0}, {"epoch": 1.0, "loss": 1.0, "eval_f1": 0.5}],
}
SPEED = {"hardware": "a test", "latency_ms": {"512": 12.5}, "sequences_per_second": 400.0}


class Elements(HTMLParser):
    """All elements with their attributes, and the text outside of style and script."""

    def __init__(self, page):
        super().__init__()
        self.elements = []
        self.text = []
        self._open = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._open = tag

    def handle_data(self, data):
        if self._open not in {"style", "script"}:
            self.text.append(data)

    def handle_endtag(self, tag):
        self._open = ""

    def count(self, tag):
        return sum(name == tag for name, _ in self.elements)


def evil_report(**facts):
    """A report in which every text is an attack, or has characters that nobody can see."""
    text = f"{EVIL} met \u202eAda\x00 \udc80 in Oslo"
    start = text.index("met")
    document = Document(
        id=EVIL,
        text=text,
        annotations=(Annotation(0, len(EVIL), (EVIL,)), Annotation(start, start + 3, ("B",))),
        dataset=EVIL,
    )
    claims = [
        Entity(0, len(EVIL), "B", EVIL, 0.5),
        Entity(start, start + 8, EVIL, text[start : start + 8], 0.9),
        Entity(len(text) - 4, len(text), EVIL, "Oslo", 0.25),
    ]
    named = {**FACTS.system, "name": EVIL, "path": EVIL, "notes": [EVIL]}
    facts = {"system": named, "gold": {**FACTS.gold, "notes": [EVIL]}, "profile": EVIL} | facts
    return make_report(list(judge([document], [claims])), replace(FACTS, **facts))


def test_no_text_becomes_markup():
    page = render_page(evil_report(training=TRAINING, speed=SPEED))
    seen = Elements(page)
    assert seen.count("script") == 1
    assert seen.count("style") == 1
    assert seen.count("img") == 0
    assert not [attributes for _, attributes in seen.elements if "onerror" in attributes]
    assert "".join(seen.text).count(EVIL) >= 10
    assert not re.search("[\x00-\x08\u202a-\u202e\ud800-\udfff]", page)
    assert "\\u202e" in page


def test_nothing_is_fetched_and_nothing_else_may_run():
    page = render_page(report_of([(spans.document(), [])], training=TRAINING))
    seen = Elements(page)
    loading = {"src", "srcset", "action", "data", "style", "background"}
    for tag, attributes in seen.elements:
        assert tag not in {"link", "iframe", "img", "object", "embed", "base"}
        assert not loading & set(attributes)
        assert not [name for name in attributes if name.startswith("on")]
        assert attributes.get("href", "#").startswith("#")
    policy = next(a["content"] for _, a in seen.elements if "Security" in a.get("http-equiv", ""))
    assert policy.startswith("default-src 'none'; ")
    for tag in ("style", "script"):
        content = re.search(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)[1]
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_every_error_can_be_filtered():
    report = evil_report()
    rows = [a for _, a in Elements(render_page(report)).elements if "data-relation" in a]
    cases, surfaces = report["errors"]["cases"], report["errors"]["surfaces"]
    assert len(rows) == len(cases) + len(surfaces)
    kinds = {(a["data-relation"], a["data-gold"], a["data-predicted"]) for a in rows}
    assert kinds == {(k["relation"], k["gold"], k["predicted"]) for k in report["errors"]["kinds"]}


def test_links_inside_the_page_lead_somewhere():
    profile = load_profile("ner11")
    case = (spans.document(spans.mark(0, 2, "A")), [spans.claim(0, 2, "A", 0.5)])
    page = render_page(
        report_of(
            [case], training=TRAINING, speed=SPEED, profile="ner11", hierarchy=profile.hierarchy
        )
    )
    seen = Elements(page)
    places = {attributes.get("id") for _, attributes in seen.elements}
    targets = {a["href"][1:] for tag, a in seen.elements if tag == "a"}
    assert {target for target in targets if "=" not in target} <= places


@given(st.lists(spans.cases(), min_size=1, max_size=3), st.integers(1, 9))
def test_pieces_are_the_context(cases, shown):
    settings = ErrorSettings(span_characters=shown, context_characters=2)
    for case in collect_errors(judge(*zip(*cases, strict=True)), settings).to_json()["cases"]:
        pieces, context = pieces_of(case), case["context"]
        assert "".join(piece.text for piece in pieces) == context["text"]
        for side in filter(case.get, ("gold", "predicted")):
            start, end = (case[side][end] - context["start"] for end in ("start", "end"))
            marked = "".join(piece.text for piece in pieces if piece.kind in {side, "both"})
            assert marked == context["text"][start:end]
        kinds = {piece.kind for piece in pieces} - {""}
        assert kinds <= {"both", *filter(case.get, ("gold", "predicted"))}


def test_a_page_of_a_hundred_types_is_whole():
    marks = [spans.Annotation(0, 2, (f"TYPE_{index}",)) for index in range(100)]
    report = report_of([(spans.document(*marks), [])])
    seen = Elements(render_page(report))
    assert "".join(seen.text).count("TYPE_99") >= 3


@pytest.mark.parametrize("sections", [{}, {"training": TRAINING, "speed": SPEED}])
def test_equal_reports_give_equal_pages(tmp_path, sections):
    report = report_of([(spans.document(spans.mark(0, 2, "A")), [])], **sections)
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        write_pages(report, tmp_path / name)
    for file in ("report.html", "report.md"):
        one, other = ((tmp_path / name / file).read_bytes() for name in ("one", "other"))
        assert one == other


def test_markdown_keeps_its_tables():
    text = render_markdown(evil_report())
    assert "<script>" not in text.replace("\\<", "")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) > 15
    widths = [len(re.findall(r"(?<!\\)\|", row)) for row in rows]
    heads = [index for index, row in enumerate(rows) if row.startswith("| --")]
    assert heads
    for start, end in zip(heads, [*heads[1:], len(rows) + 1], strict=True):
        assert len(set(widths[start - 1 : end - 1])) == 1
