"""HTML and Markdown: what a reader sees, in lines; hostile pages end in clear errors."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.data.text.extracted import TextSettings
from ossamma.data.text.markup import extract_html, extract_markdown
from ossamma.schema.errors import DataError, FormatError

MARKERS = TextSettings(marker_types=frozenset({"PERSON", "ORG"}))


def html(page, settings=None):
    raw = page if isinstance(page, bytes) else page.encode()
    return extract_html("page.html", raw, settings or TextSettings()).text


def markdown(page, settings=None):
    return extract_markdown("page.md", page.encode(), settings or TextSettings()).text


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<p>Ada <b>Love</b>lace</p><p>Bob</p>", "Ada Lovelace\n\nBob"),
        ("a<br>b<br/>c", "a\nb\nc"),
        ("<div>a</div><div>b</div>c", "a\nb\nc"),
        ("a\n  b\t c", "a b c"),
        ("a <b> b</b>c", "a bc"),
        ("<b>a </b> <i> b</i>", "a b"),
        ("&amp;&lt;b&gt; caf&eacute; &#x41; &nbsp;x", "&<b> café A \xa0x"),
        ("<script>x()</script>a<style>b{}</style><nav>Home</nav>", "a"),
        ("<title>T</title><body>a<template>b</template><noscript>c</noscript>", "a"),
        ("<p hidden>a</p><p style='color:red; Display: none'>b</p><p>c</p>", "c"),
        ("<!-- a -->b<?c?><![CDATA[d]]>", "b"),
        ("<h1>T</h1><ul><li>a</li><li>b<ul><li>c</li></ul></li></ul>d", "T\n\na\nb\n\nc\n\nd"),
        ("<pre>a\n  b</pre>c", "a\n  b\n\nc"),
        (
            "x<table><tr><th>n</th><th>p</th></tr><tr><td>1</td><td></td><td>2</td></tr></table>y",
            "x\n\nn\tp\n1\t2\n\ny",
        ),
        ("<td><p>a</p><p>b</p></td><td>c</td>", "a\n\nb\n\nc"),
        ("<a href='http://x'>link</a> <img alt='no' src=x>", "link"),
        ("no markup", "no markup"),
        ("", ""),
        ("http://example.org/x", "http://example.org/x"),
        ("<p>un<b>closed", "unclosed"),
        ("</div></p>x", "x"),
    ],
)
def test_a_reader_of_html_sees(page, text):
    assert html(page) == text


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("# Title\n\nAda *Love*lace met\n**Bob**.", "Title\n\nAda Lovelace met\nBob."),
        ("Title\n=====\ntext", "Title\n\ntext"),
        ("[text](http://x 'title') and <http://y.org>", "text and http://y.org"),
        ("![picture](x.png) a", "a"),
        ("[ref][1]\n\n[1]: http://x", "ref"),
        ("```python\nx = 1\n  y\n```\nafter", "x = 1\n  y\n\nafter"),
        ("`a  b` c", "a  b c"),
        ("- a\n- b\n  - c\n\nd", "a\nb\nc\n\nd"),
        ("1. a\n2. b", "a\nb"),
        ("- a\n\n- b", "a\nb"),
        ("> quoted\n> more\n\nx", "quoted\nmore\n\nx"),
        ("a  \nb\\\nc", "a\nb\nc"),
        ("a\n\n---\n\nb", "a\n\nb"),
        ("|n|p|\n|-|-|\n|1|2|\n\nx", "n\tp\n1\t2\n\nx"),
        ("~~gone~~ &amp; \\*kept\\* 3 < 4", "gone & *kept* 3 < 4"),
        ("<div>\nraw <b>html</b>\n</div>\n\nx", "raw html\n\nx"),
        ("in<br>line <b>tags</b>", "in\nline tags"),
        ("<!-- no -->\n\nx", "x"),
        ("a\u2028b", "a\u2028b"),
        ("", ""),
        ("---\n\nnot front: matter\n\n---\n", "not front: matter"),
    ],
)
def test_a_reader_of_markdown_sees(page, text):
    assert markdown(page) == text


def test_front_matter_is_left_out_and_named():
    page = b"---\ntitle: x\ntags: [a]\n---\nText."
    extracted = extract_markdown("x.md", page)
    assert extracted.text == "Text."
    assert extracted.warnings == ("the front matter was left out",)


@pytest.mark.parametrize("extract", [html, markdown])
@pytest.mark.parametrize(
    "text",
    [
        "<PERSON>Ada</PERSON> met <ORG|PERSON>Acme</ORG|PERSON>.",
        "x <PERSON>Ada Lovelace</PERSON>",
        "[[PERSON:Ada]] met Bob",
        "<PERSON>Ada</PERSON>",
    ],
)
def test_inline_markers_survive(extract, text):
    assert extract(text, MARKERS) == text


@pytest.mark.parametrize("extract", [html, markdown])
def test_without_their_types_markers_are_tags(extract):
    assert extract("x <PERSON>Ada</PERSON>") == "x Ada"


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"caf\xc3\xa9", "café"),
        (b"<meta charset=latin1>caf\xe9 \x80", "café €"),
        (b'<meta http-equiv=x content="text/html; charset=koi8-r">\xcd\xc9\xd2', "мир"),
        (b"<?xml version='1.0' encoding='iso-8859-15'?><html><p>\xa4</p></html>", "€"),
        (codecs.BOM_UTF8 + b"<meta charset=latin1>caf\xc3\xa9", "café"),
        (codecs.BOM_UTF16_LE + "<p>café".encode("utf-16-le"), "café"),
        (b"<meta charset=utf-16>caf\xc3\xa9", "café"),
    ],
)
def test_the_page_states_its_encoding(raw, text):
    assert html(raw) == text


@pytest.mark.parametrize("charset", [b"no-such", b"zlib", b"hex"])
def test_a_page_that_states_nonsense(charset):
    with pytest.raises(FormatError, match=charset.decode()):
        html(b"<meta charset=" + charset + b">x")


def test_wrong_bytes_of_a_page_are_named():
    with pytest.raises(FormatError, match="byte 0xe9") as caught:
        html(b"<p>\n<p>caf\xe9")
    assert caught.value.line == 2


def test_the_stated_encoding_wins_over_the_page():
    assert html(b"<meta charset=utf-8>\xe9", TextSettings(encoding="cp1252")) == "é"


@pytest.mark.parametrize("extract", [html, markdown])
def test_too_much_markup_is_refused(extract):
    with pytest.raises(DataError, match="at most 10 bytes of markup, got 11"):
        extract("x" * 11, TextSettings(max_markup_bytes=10))


def test_a_deep_page_loses_nothing():
    assert html("<div>" * 5000 + "deep" + "</div>" * 5000) == "deep"


def test_too_deep_markdown_is_refused_and_not_cut():
    assert markdown("> " * 30 + "deep") == "deep"
    with pytest.raises(FormatError, match="nested less than"):
        markdown("> " * 300 + "deep")
    with pytest.raises(FormatError, match="nested less than"):
        markdown("\n".join("  " * n + "- x" for n in range(120)))


def test_entities_of_a_page_are_no_bomb():
    bomb = "".join(f'<!ENTITY a{n + 1} "{f"&a{n};" * 10}">' for n in range(12))
    page = f'<?xml version="1.0"?><!DOCTYPE html [<!ENTITY a0 "ha">{bomb}]><p>&a12; x</p>'
    assert len(html(page)) < 2000


@given(st.text(alphabet="<>/&;!-?[]a b=\"'\n#p", max_size=60))
def test_no_page_breaks_the_extractors(page):
    assert isinstance(html(page), str)
    assert isinstance(markdown(page), str)


@given(st.lists(st.text(alphabet="ab é*_`#&<>\\[]|~-", min_size=1, max_size=20), min_size=1))
def test_escaped_text_comes_back_from_html(lines):
    escapes = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
    page = "".join(f"<p>{''.join(escapes.get(c, c) for c in line)}</p>" for line in lines)
    wanted = [" ".join(line.split(" ")).strip(" ") for line in lines]
    wanted = [" ".join(part for part in line.split(" ") if part) for line in wanted]
    assert html(page) == "\n\n".join(line for line in wanted if line)
