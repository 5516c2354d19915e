"""arXiv: titles and abstracts without the line breaks of LaTeX."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.data.pretraining.arxiv import Arxiv, read_arxiv, undo_paragraphs, undo_white_space
from ossamma.data.pretraining.corpus_stream import CorpusFile, LeftOutCounts


def read(tmp_path, records, **options):
    path = tmp_path / "arxiv-metadata-oai-snapshot.json"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    left_out = LeftOutCounts()
    return list(read_arxiv(CorpusFile(path, "a"), Arxiv(**options), left_out)), left_out


def paper(identifier, abstract, categories="cs.CL", title="A\n  title"):
    return {"id": identifier, "title": title, "abstract": abstract, "categories": categories}


def test_title_and_abstract_are_lines(tmp_path):
    abstract = "  We wrap\nlines at~70 characters.\n  A second paragraph,\\\\ too.\n"
    [document], _ = read(tmp_path, [paper("0704.0001", abstract)])
    assert document.id == "arxiv-0704.0001"
    assert document.text == "A title\nWe wrap lines at 70 characters.\nA second paragraph, too."


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("Fig.~1 and \\~n", "Fig. 1 and \\~n"),
        ("a\\ b\\,c\\;d", "a b c d"),
        ("the $x~y\\,z$ formula~here", "the $x~y\\,z$ formula here"),
        ("costs \\$5~and \\$6", "costs \\$5 and \\$6"),
        ("one\\\\[2pt] two", "one two"),
        ("\\alpha stays", "\\alpha stays"),
    ],
)
def test_white_space_of_latex(source, expected):
    assert undo_white_space(source) == expected


@given(st.text(alphabet="ab ~\\$\n,", max_size=40))
def test_what_is_undone_stays_undone(text):
    once = undo_paragraphs(text)
    assert all(line == " ".join(line.split()) for line in once.split("\n"))


def test_withdrawn_papers_and_other_categories_are_skipped(tmp_path):
    records = [
        paper("1", "This paper has been withdrawn by the authors due to an error."),
        paper("2", "We study hep.", categories="hep-ph math.AG"),
        paper("3", "We study language.", categories="math.ST cs.CL"),
        {"id": "4", "title": "no abstract"},
    ]
    found, left_out = read(tmp_path, records, categories=("cs.",))
    assert [d.id for d in found] == ["arxiv-3"]
    # The fourth says no category either.
    assert left_out.counts == {"another category": 2, "withdrawn": 1}
    found, left_out = read(tmp_path, records)
    assert [d.id for d in found] == ["arxiv-2", "arxiv-3"]
    assert left_out.num_faults == 1
