"""spaCy's files: the text to the character, entities to the border, always the same bytes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import DocBin
from spacy.vocab import Vocab

from ossamma.data.readers.conll import read_conll
from ossamma.data.readers.docbin import read_docbin
from ossamma.data.writers.docbin import DocBinOutput, write_docbin
from ossamma.schema.errors import AnnotationError, ConfigurationError, DataError
from ossamma.schema.spans import Annotation, Document, Span
from tests.data.writers.test_words import documents

SOURCE = Path(__file__).resolve().parents[3] / "src"
NAMES = ("Ada Lovelace", "Grace Hopper", "Alan Turing", "Kurt Goedel")
FIRMS = ("Acme Ltd", "Initech", "Globex Corp", "Umbrella")


def spans_of_words(text):
    spans, position = [], 0
    for word in text.split(" "):
        spans.append(Span(position, position + len(word)))
        position += len(word) + 1
    return tuple(spans)


def sentence(number, **changes):
    """`<name> joined <firm> in <year> .` with its entities."""
    name, firm = NAMES[number % 4], FIRMS[number // 4 % 4]
    text = f"{name} joined {firm} in {1900 + number} ."
    start = len(name) + 8
    fields = {
        "id": f"s-{number}",
        "text": text,
        "words": spans_of_words(text),
        "sentence_starts": (0,),
        "annotations": (
            Annotation(0, len(name), ("PER",)),
            Annotation(start, start + len(firm), ("ORG",)),
        ),
    }
    return Document(**(fields | changes))


def load(path):
    """What spaCy itself finds in a file."""
    return list(DocBin().from_disk(path).get_docs(Vocab()))


def surfaces(document):
    return [(document.text[a.start : a.end].strip(), a.label) for a in document.annotations]


@settings(max_examples=30)
@given(st.lists(documents(alphabet="ab \n\xa0é.\U0001f600\x85"), min_size=1, max_size=3))
def test_text_and_entities_are_kept(tmp_path_factory, case):
    path = tmp_path_factory.mktemp("docbin") / "x.spacy"
    case = [document for document in case if document.text]
    if not case:
        return
    write_docbin(path, case, DocBinOutput(candidates="joined"))
    for document, doc in zip(case, load(path), strict=True):
        assert doc.text == document.text
        assert [(ent.text, ent.label_) for ent in doc.ents] == surfaces(document)
    for document, again in zip(case, read_docbin(path).documents, strict=True):
        assert again.text == document.text
        assert surfaces(again) == surfaces(document)


def test_words_sentences_and_counts(tmp_path):
    path = tmp_path / "x.spacy"
    report = write_docbin(path, map(sentence, range(3)))
    assert report.files == (path,)
    assert (report.documents, report.words, report.entities) == (3, 24, 6)
    found = read_docbin(path)
    for number, document in enumerate(found.documents):
        wanted = sentence(number)
        assert (document.words, document.sentence_starts) == (wanted.words, wanted.sentence_starts)
        assert (document.annotations, document.annotates) == (wanted.annotations, None)


def tags(document, path, **settings):
    report = write_docbin(path, [document], DocBinOutput(**settings))
    (doc,) = load(path)
    return [token.ent_iob_ + (token.ent_type_ and f"-{token.ent_type_}") for token in doc], report


@pytest.mark.parametrize(
    ("changes", "options", "outside", "incomplete"),
    [
        ({}, {}, "O", 0),
        ({"annotates": frozenset({"PER", "ORG"})}, {}, "", 1),
        ({"annotates": frozenset({"PER", "ORG"})}, {"types": frozenset({"PER"})}, "O", 0),
        ({"annotates": frozenset({"PER"})}, {"types": frozenset({"PER", "ORG"})}, "", 1),
        ({"annotates": frozenset({"PER"})}, {"outside": "as_o"}, "O", 0),
        ({"annotates": frozenset({"PER"})}, {"outside": "if_annotated"}, "O", 0),
        ({"annotates": frozenset()}, {"outside": "if_annotated"}, "", 1),
        ({}, {"outside": "if_annotated"}, "O", 0),
    ],
)
def test_outside_of_a_partly_annotated_document(tmp_path, changes, options, outside, incomplete):
    found, report = tags(sentence(0, **changes), tmp_path / "x.spacy", **options)
    assert found == ["B-PER", "I-PER", outside, "B-ORG", "I-ORG", outside, outside, outside]
    assert report.incomplete_documents == incomplete


def test_unlabelled_documents_are_all_unknown(tmp_path):
    path = tmp_path / "x.spacy"
    found, report = tags(sentence(0, annotations=None), path, outside="as_o")
    assert set(found) == {""}
    assert report.incomplete_documents == 1
    assert read_docbin(path).documents[0].annotations is None


@pytest.mark.parametrize(("candidates", "found"), [("missing", ["", ""]), ("joined", None)])
def test_candidates(tmp_path, candidates, found):
    document = sentence(0, annotations=(Annotation(0, 12, ("ORG", "PER")),))
    tagged, report = tags(document, tmp_path / "x.spacy", candidates=candidates)
    assert tagged[:2] == (found or ["B-ORG|PER", "I-ORG|PER"])
    assert tagged[2:] == ["O"] * 6
    assert (report.candidate_entities, report.entities) == (1, 0 if found else 1)


def test_entities_inside_words_are_cut_out(tmp_path):
    path = tmp_path / "x.spacy"
    text = "ex-Acme staff"
    document = sentence(
        0,
        text=text,
        words=spans_of_words(text),
        annotations=(Annotation(3, 7, ("ORG",)),),
        sentence_starts=(),
    )
    write_docbin(path, [document])
    (doc,) = load(path)
    assert [token.text for token in doc] == ["ex-", "Acme", "staff"]
    assert [ent.text for ent in doc.ents] == ["Acme"]


def test_a_splitter_serves_documents_without_words(tmp_path):
    document = sentence(0, words=None, sentence_starts=())
    with pytest.raises(DataError, match="word splitter"):
        write_docbin(tmp_path / "x.spacy", [document])
    write_docbin(tmp_path / "x.spacy", [document], DocBinOutput(split_words=spans_of_words))
    assert read_docbin(tmp_path / "x.spacy").documents[0].words == sentence(0).words


@pytest.mark.parametrize(
    ("document", "error"),
    [
        (
            sentence(0, annotations=(Annotation(0, 4, ("A",)), Annotation(2, 5, ("B",)))),
            AnnotationError,
        ),
        (sentence(0, annotations=(Annotation(3, 4, ("A",)),)), AnnotationError),
        (Document(id="x", text="a\ud800", words=()), DataError),
    ],
)
def test_what_spacy_cannot_say_is_refused_and_nothing_is_left(tmp_path, document, error):
    path = tmp_path / "x.spacy"
    path.write_bytes(b"old")
    with pytest.raises(error, match=r"'s-0'|'x'"):
        write_docbin(path, [sentence(1), document])
    assert path.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_nothing_to_write(tmp_path):
    with pytest.raises(DataError, match="at least one document"):
        write_docbin(tmp_path / "x.spacy", [Document(id="e", text="", words=())])
    with pytest.raises(DataError, match="does not exist"):
        write_docbin(tmp_path / "no" / "x.spacy", [sentence(0)])
    assert list(tmp_path.iterdir()) == []


def test_shards_are_a_folder_that_spacy_reads(tmp_path):
    path = tmp_path / "train.spacy"
    small = DocBinOutput(max_shard_bytes=8 * 33 * 3)
    report = write_docbin(path, map(sentence, range(10)), small)
    assert [file.name for file in report.files] == [f"part-{n:05d}.spacy" for n in range(1, 5)]
    assert [file.parent for file in report.files] == [path] * 4
    reader = spacy.training.Corpus(path)
    texts = [example.reference.text for example in reader(spacy.blank("en"))]
    assert texts == [sentence(number).text for number in range(10)]
    assert [d.annotations for d in read_docbin(path).documents] == [
        sentence(number).annotations for number in range(10)
    ]
    whole = tmp_path / "whole.spacy"
    write_docbin(whole, map(sentence, range(3)))
    assert report.files[0].read_bytes() == whole.read_bytes()


def test_an_earlier_result_is_replaced_whatever_its_form(tmp_path):
    path = tmp_path / "train.spacy"
    small = DocBinOutput(max_shard_bytes=300)
    for shape in ("file", "folder", "folder", "file", "file"):
        write_docbin(path, map(sentence, range(4)), small if shape == "folder" else DocBinOutput())
        assert path.is_dir() is (shape == "folder")
        assert len(read_docbin(path).documents) == 4
        assert len(list(tmp_path.iterdir())) == 1


def test_a_folder_of_others_is_left_alone(tmp_path):
    path = tmp_path / "notes"
    path.mkdir()
    (path / "diary.txt").write_text("dear", encoding="utf-8")
    with pytest.raises(DataError, match="folder of other files"):
        write_docbin(path, [sentence(0)])
    assert (path / "diary.txt").exists()


@pytest.mark.parametrize(
    "options", [{"outside": "o"}, {"candidates": "first"}, {"max_shard_bytes": 2**31}]
)
def test_settings_are_checked_at_birth(options):
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        DocBinOutput(**options)


def run(*arguments, cwd, **environment):
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


@pytest.mark.slow
def test_the_same_documents_give_the_same_bytes(tmp_path):
    script = (
        "import sys\n"
        "from tests.data.writers.test_docbin import sentence, write_docbin\n"
        "write_docbin(sys.argv[1], map(sentence, range(20)))\n"
    )
    for seed in ("1", "2"):
        path = str(tmp_path / f"{seed}.spacy")
        root = str(SOURCE.parent)
        run(*("-c", script, path), cwd=root, PYTHONHASHSEED=seed, PYTHONPATH=f"{SOURCE}:{root}")
    assert (tmp_path / "1.spacy").read_bytes() == (tmp_path / "2.spacy").read_bytes()


@pytest.mark.slow
def test_spacy_accepts_the_files(tmp_path):
    write_docbin(
        tmp_path / "train.spacy", map(sentence, range(120)), DocBinOutput(max_shard_bytes=5_000)
    )
    partial = frozenset({"PER"})
    documents = [sentence(n, annotates=partial if n % 3 else None) for n in range(120, 150)]
    write_docbin(tmp_path / "dev.spacy", documents)
    run("-m", "spacy", "init", "config", "x.cfg", "--pipeline", "ner", cwd=tmp_path)
    found = run(
        *("-m", "spacy", "debug", "data", "x.cfg", "--no-format"),
        *("--paths.train", "train.spacy", "--paths.dev", "dev.spacy"),
        cwd=tmp_path,
    )
    assert "120 training docs" in found
    assert "30 evaluation docs" in found
    assert "2 label(s)" in found
    assert "No entities consisting of or starting/ending with whitespace" in found
    assert "No entities crossing sentence boundaries" in found


@pytest.mark.data
def test_a_real_file_comes_back(tmp_path):
    source = Path(os.environ["OSSAMMA_MIRROR"], "wnut17/wnut17train.conll")
    before = read_conll(source).documents
    write_docbin(tmp_path / "x.spacy", before)
    after = read_docbin(tmp_path / "x.spacy").documents
    assert [d.text for d in after] == [d.text for d in before]
    assert [surfaces(d) for d in after] == [surfaces(d) for d in before]
