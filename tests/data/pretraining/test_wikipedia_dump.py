"""Wikipedia dumps: articles as prose, everything else skipped with its reason."""

from __future__ import annotations

import bz2
from xml.sax.saxutils import escape

from ossamma.data.pretraining.corpus_stream import CorpusFile, CorpusLimits, LeftOutCounts
from ossamma.data.pretraining.wikipedia_dump import WikipediaDump, read_wikipedia_dump


def page(number, text, *, title="T", ns=0, redirect=False, model="wikitext"):
    mark = '<redirect title="X" />' if redirect else ""
    return (
        f"<page><title>{title}</title><ns>{ns}</ns><id>{number}</id>"
        f"{mark}"
        f"<revision><id>9{number}</id><contributor><id>5</id></contributor><model>{model}</model>"
        f'<text bytes="1" xml:space="preserve">{escape(text)}</text></revision></page>'
    )


def read(tmp_path, *pages, limits=None, **options):
    path = tmp_path / "enwiki-20250101-pages-articles-multistream.xml.bz2"
    head = (
        '<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11" '
        'xml:lang="en"><siteinfo><dbname>enwiki</dbname></siteinfo>'
    )
    streams = [head, *pages, "</mediawiki>"]
    path.write_bytes(b"".join(bz2.compress(stream.encode()) for stream in streams))
    left_out = LeftOutCounts()
    file = CorpusFile(path, "enwiki", limits or CorpusLimits())
    documents = read_wikipedia_dump(file, WikipediaDump(**options), left_out)
    return [(d.id, d.text) for d in documents], left_out


def test_articles_come_out_as_prose(tmp_path):
    pages = [page(12, "'''Ada''' was a [[mathematician]] & more.", title="Ada"), page(13, "B.")]
    found, _ = read(tmp_path, *pages)
    assert found == [
        ("wikipedia-12", "Ada\nAda was a mathematician & more."),
        ("wikipedia-13", "T\nB."),
    ]
    assert read(tmp_path, *pages, titles=False)[0][1] == ("wikipedia-13", "B.")


def test_everything_else_is_skipped_with_its_reason(tmp_path):
    pages = [
        page(1, "x", redirect=True),
        page(2, "#REDIRECT [[Ada]]"),
        page(3, "Talk.", ns=1),
        page(4, "'''Ada''' may be:\n* [[Ada X]]\n{{disambiguation|given name}}"),
        page(5, "{}", model="json"),
        page(6, "{{Infobox}}"),
        page(7, "long " * 100),
        page(8, "Good."),
    ]
    limits = CorpusLimits(max_document_characters=200)
    found, left_out = read(tmp_path, *pages, limits=limits)
    assert [identifier for identifier, _ in found] == ["wikipedia-8"]
    assert left_out.counts == {
        "a disambiguation": 1,
        "a redirect": 2,
        "another namespace": 1,
        "longer than 200 characters": 1,
        "no prose": 1,
        "no wikitext": 1,
    }
    assert left_out.num_faults == 0
    found, _ = read(tmp_path, *pages, namespaces=(1,))
    assert [identifier for identifier, _ in found] == ["wikipedia-3"]
