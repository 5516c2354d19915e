"""PubMed: title and abstract of each citation, in the layout of the baseline."""

from __future__ import annotations

import gzip

from ossamma.data.pretraining.corpus_stream import CorpusFile, LeftOutCounts
from ossamma.data.pretraining.pubmed import Pubmed, read_pubmed

HEAD = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE PubmedArticleSet SYSTEM "http://dtd.nlm.nih.gov/ncbi/pubmed/out/pubmed_250101.dtd">
<PubmedArticleSet>
"""


def article(body, pmid="1"):
    return (
        f'<PubmedArticle><MedlineCitation Status="MEDLINE"><PMID Version="1">{pmid}</PMID>{body}'
        f"</MedlineCitation><PubmedData><ArticleIdList/></PubmedData></PubmedArticle>"
    )


def read(tmp_path, *articles, **options):
    path = tmp_path / "pubmed25n0001.xml.gz"
    tail = "<DeleteCitation><PMID>9</PMID></DeleteCitation></PubmedArticleSet>"
    path.write_bytes(gzip.compress((HEAD + "".join(articles) + tail).encode()))
    left_out = LeftOutCounts()
    file = CorpusFile(path, "pubmed25n0001")
    return list(read_pubmed(file, Pubmed(**options), left_out)), left_out


def test_a_structured_abstract_keeps_its_labels(tmp_path):
    body = """<Article><ArticleTitle>Effect of <i>p53</i>
      loss.</ArticleTitle><Abstract>
      <AbstractText Label="BACKGROUND" NlmCategory="BACKGROUND">We ask.</AbstractText>
      <AbstractText Label="UNLABELLED">Then H<sub>2</sub>O.</AbstractText>
      <AbstractText/><CopyrightInformation>(c) 2020 Someone</CopyrightInformation>
      </Abstract></Article><OtherAbstract Language="fre"><AbstractText>Non.</AbstractText>
      </OtherAbstract>"""
    [document], _ = read(tmp_path, article(body, "42"))
    assert document.id == "pubmed-42"
    assert document.text == "Effect of p53 loss.\nBACKGROUND: We ask.\nThen H2O."
    [document], _ = read(tmp_path, article(body, "42"), labels=False)
    assert "BACKGROUND" not in document.text


def test_translated_titles_lose_their_brackets(tmp_path):
    body = "<Article><ArticleTitle>[On  rats].</ArticleTitle></Article>"
    [document], _ = read(tmp_path, article(body), titles_alone=True)
    assert document.text == "On rats"


def test_what_has_no_abstract_is_skipped_and_what_has_no_pmid_is_a_fault(tmp_path):
    title = "<Article><ArticleTitle>Editorial.</ArticleTitle></Article>"
    found, left_out = read(tmp_path, article(title), article("", "2"), "<PubmedArticle/>")
    assert found == []
    assert left_out.counts == {"a citation without PMID or article": 2, "no abstract": 1}
    assert left_out.num_faults == 2
    assert left_out.examples["no abstract"][0].endswith("citation 1 (PMID 1)")
