"""WikiExtractor: both of its forms give the same articles."""

from __future__ import annotations

import bz2
import json

import pytest

from ossamma.data.pretraining.corpus_stream import CorpusFile, LeftOutCounts
from ossamma.data.pretraining.wikiextractor import WikiExtractor, read_wikiextractor
from ossamma.schema.errors import FormatError

BLOCKS = """<doc id="12" url="https://en.wikipedia.org/wiki?curid=12" title="Anarchism">
Anarchism

Anarchism is a &lt;political&gt; philosophy.

It has parts.
</doc>
<doc id="39" url="x" title="Albedo">
Albedo

Albedo &amp; light.
</doc>
"""
TEXTS = [
    ("wikipedia-12", "Anarchism\nAnarchism is a <political> philosophy.\nIt has parts."),
    ("wikipedia-39", "Albedo\nAlbedo & light."),
]


def read(path, left_out=None, **options):
    settings = WikiExtractor(**options)
    return [
        (d.id, d.text)
        for d in read_wikiextractor(CorpusFile(path, "w"), settings, left_out or LeftOutCounts())
    ]


def test_blocks_and_json_are_the_same(tmp_path):
    (tmp_path / "wiki_00").write_text(BLOCKS)
    (tmp_path / "wiki_00.bz2").write_bytes(bz2.compress(BLOCKS.encode()))
    records = [
        {"id": "12", "url": "", "title": "Anarchism",
         "text": "Anarchism is a &lt;political&gt; philosophy.\n\nIt has parts."},
        {"id": "39", "url": "", "title": "Albedo", "text": "Albedo &amp; light."},
    ]  # fmt: skip
    (tmp_path / "wiki_01").write_text("".join(json.dumps(record) + "\n" for record in records))
    for name in ("wiki_00", "wiki_00.bz2", "wiki_01"):
        assert read(tmp_path / name) == TEXTS, name
        assert read(tmp_path / name, titles=False) == [
            (identifier, text.partition("\n")[2]) for identifier, text in TEXTS
        ]


def test_a_block_that_does_not_end_is_a_fault(tmp_path):
    path = tmp_path / "wiki_00"
    path.write_text(BLOCKS.replace("</doc>\n", "", 1))
    left_out = LeftOutCounts()
    assert read(path, left_out) == TEXTS[1:]
    assert left_out.num_faults == 1
    path.write_text(BLOCKS.removesuffix("</doc>\n"))
    assert read(path) == TEXTS[:1]


def test_an_article_without_text_is_skipped_and_other_text_refused(tmp_path):
    path = tmp_path / "wiki_00"
    path.write_text('<doc id="1" url="" title="T">\nT\n\n</doc>\n')
    left_out = LeftOutCounts()
    assert read(path, left_out) == []
    assert left_out.counts == {"a title alone": 1}
    path.write_text(BLOCKS + "stray\n")
    with pytest.raises(FormatError, match="wiki_00:13: expected a line <doc"):
        read(path)
