"""Entities are where they say, as sure as all paths make them, whatever the text."""

from __future__ import annotations

import itertools
import math
import random
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ossamma.inference.recogniser import OssammaRecogniser
from ossamma.inference.settings import InferenceSettings
from ossamma.schema.labels import LabelSet
from ossamma.schema.spans import Document, Recogniser, Span
from ossamma.tokenization.alignment import align, cut_window, words_of
from ossamma.tokenization.batches import Example, collate
from ossamma.tokenization.windows import Window
from ossamma.tokenization.words import split_words
from tests import tiny

STRANGE = (
    "",
    " ",
    " \t\r\n\u2028\x85",
    "\n\n\n",
    "x",
    "\0",
    "Ada\0Lovelace in \0 Oslo",
    "Ada Lovelace\r\nmet Alan Turing\r\nin Oslo\r",
    "\ud800",
    "Ada \udfff Lovelace \ud800\udc00 in Oslo",
    "👩‍👩‍👧‍👦 met 👍🏽 and 🇳🇴 in Oslo",
    "e\u0301\u0301\u0301 Zoe\u0308 in Oslo\u0301",
    "\u0301\u0301",
    # Arabic with direction marks, and Hebrew
    "\u0639\u0627\u062f\u0627 \u0641\u064a \u200fOslo\u200e \u05e9\u05dc\u05d5\u05dd",
    "\u202eadA\u202c Lovelace",
    "奥斯陆和巴黎",
    "\ufeffAda Lovelace",
    "[MASK] [SEP] [CLS] [PAD] [UNK]",
    "Ada" * 200,
    "\U0001d504\U0001d521\U0001d51e \U0010ffff",
)


@pytest.fixture(scope="module")
def recogniser():
    return tiny.recogniser()


def words_text(number: int, seed: int) -> str:
    """A text of so many words on one line."""
    generator = random.Random(seed)
    vocabulary = [*" ".join(tiny.PEOPLE + tiny.PLACES).split(), "met", "in", ",", "1842"]
    return " ".join(generator.choice(vocabulary) for _ in range(number))


def assert_sound(text, entities):
    """Whatever the model: entities are sorted, disjoint, flush with words, and what they say."""
    starts = {word.start for word in split_words(text)}
    ends = {word.end for word in split_words(text)}
    end = 0
    for entity in entities:
        assert text[entity.start : entity.end] == entity.text
        assert end <= entity.start
        assert entity.start in starts
        assert entity.end in ends
        assert 0.0 <= entity.confidence <= 1.0
        assert entity.label in tiny.LABELS.types
        end = entity.end


def without_context(made: OssammaRecogniser) -> OssammaRecogniser:
    """Cut what a piece hears of others: a word's scores then depend on the word alone."""
    with torch.no_grad():
        for block in made.model.encoder.blocks:
            for silenced in (block.global_output, block.window_attention.output):
                for parameter in silenced.parameters():
                    parameter.zero_()
    return made


def assert_same(one, other, *, tolerance=1e-5):
    assert len(one) == len(other)
    for left, right in zip(one, other, strict=True):
        assert [(e.start, e.end, e.label, e.text) for e in left] == [
            (e.start, e.end, e.label, e.text) for e in right
        ]
        for a, b in zip(left, right, strict=True):
            assert math.isclose(a.confidence, b.confidence, abs_tol=tolerance)


def test_it_is_a_recogniser(recogniser):
    assert isinstance(recogniser, Recogniser)
    assert recogniser.types == tiny.LABELS.types


def test_the_random_model_finds_entities_of_every_kind(recogniser):
    """Otherwise the laws below would hold of nothing."""
    found = recogniser.recognise([words_text(300, seed) for seed in range(3)])
    labels = {entity.label for entities in found for entity in entities}
    lengths = {len(entity.text.split()) for entities in found for entity in entities}
    assert labels == set(tiny.LABELS.types)
    assert {1, 2} <= lengths


@pytest.mark.parametrize("text", STRANGE, ids=ascii)
def test_strange_texts_get_sound_answers(recogniser, text):
    assert_sound(text, recogniser.recognise([text])[0])


@settings(max_examples=40)
@given(st.text(alphabet=st.characters(codec=None, exclude_categories=()), max_size=60))
@example("\ud83d\ude00 Ada")
def test_any_text_gets_a_sound_answer(recogniser, text):
    assert_sound(text, recogniser.recognise([text])[0])


@pytest.mark.parametrize("text", ["", " ", "\n \t\r\n", "\u3000"])
def test_a_text_without_words_has_no_entities(recogniser, text):
    assert recogniser.recognise([text]) == [[]]


def test_no_texts_have_no_answers(recogniser):
    assert recogniser.recognise([]) == []


@pytest.mark.parametrize("texts", ["Ada", b"Ada"])
def test_a_single_text_is_refused(recogniser, texts):
    with pytest.raises(TypeError, match=r"pass \[text\]"):
        recogniser.recognise(texts)


def test_what_is_no_text_is_refused(recogniser):
    with pytest.raises(TypeError, match="expected texts of type str, got NoneType at 1"):
        recogniser.recognise(["Ada", None])


def test_a_model_that_trains_does_not_recognise():
    made = tiny.recogniser()
    made.model.train()
    with pytest.raises(AssertionError, match="eval mode"):
        made.recognise(["Ada"])


def test_a_batch_equals_its_texts_alone(recogniser):
    texts = [*STRANGE, *(words_text(number, number) for number in (1, 2, 40, 200))]
    alone = [recogniser.recognise([text])[0] for text in texts]
    assert_same(recogniser.recognise(texts), alone)


def test_the_order_of_texts_is_kept(recogniser):
    texts = [words_text(number, number) for number in (90, 1, 30, 2, 60)]
    found = recogniser.recognise(texts)
    assert_same(recogniser.recognise(texts[::-1])[::-1], found)
    for text, entities in zip(texts, found, strict=True):
        assert_sound(text, entities)


def test_windows_of_many_texts_may_take_turns():
    """What a server does: the windows of all texts in any order and company, text by text decoded.

    Equal to rounding: the company decides how sums are blocked.
    """
    made = tiny.recogniser(window_pieces=120, margin_pieces=20)
    texts = [words_text(number, seed) for seed, number in enumerate((3, 150, 0, 90, 7, 61))]
    laid = [made.lay_out(Document(id="", text=text)) for text in texts]
    windows = [(text, number) for text in laid for number in range(len(text.windows))]
    random.Random(5).shuffle(windows)
    assert len(windows) > 2 * len(texts)
    for start in range(0, len(windows), 3):
        made.encode(windows[start : start + 3])
    for text, known in reversed(list(zip(laid, made.recognise(texts), strict=True))):
        [found] = made.decode([text])
        assert_same([found], [known])


def test_documents_come_back_in_order_with_little_memory(recogniser):
    small = OssammaRecogniser(
        recogniser.model, recogniser.tokenizer, InferenceSettings(pending_pieces=40)
    )
    made = tiny.documents(12, seed=2)
    pairs = list(small.recognise_documents(iter(made)))
    assert [document.id for document, _ in pairs] == [document.id for document in made]
    assert_same([found for _, found in pairs], recogniser.recognise([d.text for d in made]))


def test_answers_come_before_the_input_ends(recogniser):
    """A stream may have no end."""
    small = OssammaRecogniser(
        recogniser.model, recogniser.tokenizer, InferenceSettings(pending_pieces=40)
    )
    asked = []
    stream = (asked.append(n) or Document(id=str(n), text="Ada met Oslo") for n in range(1000))
    answers = small.recognise_documents(stream)
    assert [document.id for document, _ in itertools.islice(answers, 5)] == list("01234")
    assert len(asked) < 20


def test_the_words_of_a_document_are_kept(recogniser):
    text = "AdaLovelace met"
    words = (Span(0, 3), Span(3, 11), Span(12, 15))
    for seed in range(5):
        made = tiny.recogniser(seed=seed)
        given = Document(id="d", text=text, words=words)
        [(_, entities)] = made.recognise_documents([given])
        assert {e.start for e in entities} <= {word.start for word in words}
        assert {e.end for e in entities} <= {word.end for word in words}


@pytest.mark.parametrize("num_words", [30, 61])
def test_a_text_that_just_fits_is_read_as_if_windows_were_endless(recogniser, num_words):
    text = words_text(num_words, seed=num_words)
    document = Document(id="d", text=text)
    laid = align(document, words_of(document), recogniser.tokenizer, recogniser.features)
    fitting = InferenceSettings(
        window_pieces=sum(laid.num_pieces), margin_pieces=10, batch_pieces=10_000
    )
    endless = InferenceSettings(window_pieces=9_000, margin_pieces=96, batch_pieces=10_000)
    one, other = (
        OssammaRecogniser(recogniser.model, recogniser.tokenizer, chosen).recognise([text])
        for chosen in (fitting, endless)
    )
    assert one == other


@pytest.mark.parametrize("margin", [0, 5, 40])
@pytest.mark.parametrize("lines", [1, 7])
def test_windows_own_every_word_once(margin, lines):
    """A model that hears nothing of other words must not notice where windows end."""
    made = without_context(tiny.recogniser(seed=3))
    texts = ["\n".join(words_text(400 // lines, seed) for seed in range(lines)), words_text(9, 9)]
    small = InferenceSettings(
        window_pieces=2 * margin + 49, margin_pieces=margin, batch_pieces=700, decode_words=50
    )
    endless = InferenceSettings(window_pieces=90_000, margin_pieces=0, batch_pieces=100_000)
    one, other = (
        OssammaRecogniser(made.model, made.tokenizer, chosen).recognise(texts)
        for chosen in (small, endless)
    )
    assert sum(len(entities) for entities in other) > 50
    assert_same(one, other)


def test_no_batch_is_larger_than_its_budget():
    made = tiny.recogniser()
    chosen = InferenceSettings(window_pieces=90, margin_pieces=20, batch_pieces=300)
    read = []
    made.model.register_forward_pre_hook(
        lambda _module, _inputs, options: read.append(options["input_ids"].shape), with_kwargs=True
    )
    texts = [words_text(number, number) for number in (300, 5, 70, 1, 20)]
    OssammaRecogniser(made.model, made.tokenizer, chosen).recognise(texts)
    assert all(rows * pieces <= 300 for rows, pieces in read)
    assert max(rows for rows, _ in read) > 1, "windows are read together"


def test_windows_cut_no_entity():
    """An entity longer than any window is still one entity."""
    made = without_context(tiny.recogniser())
    with torch.no_grad():
        made.model.head.emissions.weight.zero_()
        made.model.head.emissions.bias.copy_(torch.tensor([0.0, 1.0, 9.0, 0.0, 0.0]))
        for parameter in made.model.crf.parameters():
            parameter.zero_()
    text = words_text(200, seed=1)
    small = InferenceSettings(window_pieces=49, margin_pieces=0)
    [[entity]] = OssammaRecogniser(made.model, made.tokenizer, small).recognise([text])
    assert (entity.start, entity.end, entity.label) == (0, len(text), "PERSON")


def test_no_entity_crosses_a_line(recogniser):
    text = "\n".join(words_text(3, seed) for seed in range(60))
    entities = recogniser.recognise([text])[0]
    assert entities
    assert not any("\n" in entity.text for entity in entities)


def assert_reads_everything(recogniser, size):
    text = "".join(random.Random(1).choices("abcdefgh0123456789", k=size))
    entities = recogniser.recognise([text])[0]
    assert_sound(text, entities)
    assert entities[-1].end > size - 10_000, "the end of the text was read, too"


def test_200_kb_without_a_space(recogniser):
    assert_reads_everything(recogniser, 200_000)


@pytest.mark.slow
def test_1_mb_without_a_space(recogniser):
    assert_reads_everything(recogniser, 1_000_000)


def test_threads_get_equal_answers(recogniser):
    texts = [words_text(40, seed) for seed in range(6)]
    expected = recogniser.recognise(texts)
    fresh = tiny.recogniser()  # with empty caches, which the threads then fill together
    with ThreadPoolExecutor(max_workers=4) as pool:
        for found in pool.map(fresh.recognise, [texts] * 8):
            assert_same(found, expected)


@pytest.mark.parametrize("seed", range(6))
def test_confidence_is_the_share_of_all_paths_with_this_entity(seed):
    """Emissions by hand, then every one of the legal paths of four words."""
    labels = LabelSet(("PERSON",))
    pieces = tiny.tokenizer()
    model = tiny.model(pieces, labels, seed=seed)
    made = OssammaRecogniser(model, pieces)
    document = Document(id="d", text="Ada Lovelace met Alan")
    laid = align(document, words_of(document), pieces, made.features)
    window = cut_window(laid, Window(0, 0, 4, 4), pieces)
    with torch.no_grad():
        batch = collate([Example(window)], pad_id=pieces.pad_id)
        emissions = model(**{k: v for k, v in batch.items() if k != "word_mask"}).logits[0].double()
        start, end, moves = (
            p.double() for p in (model.crf.start, model.crf.end, model.crf.transitions)
        )
    scores = {}
    for path in itertools.product(range(3), repeat=4):
        if path[0] == 2 or (0, 2) in itertools.pairwise(path):
            continue  # BIO forbids I- there
        score = start[path[0]] + end[path[-1]]
        score += sum(emissions[word, tag] for word, tag in enumerate(path))
        score += sum(moves[a, b] for a, b in itertools.pairwise(path))
        scores[path] = float(score)
    highest = max(scores.values())
    weights = {path: math.exp(score - highest) for path, score in scores.items()}
    best = max(scores, key=scores.get)

    entities = made.recognise([document.text])[0]
    assert spans_of([(laid.words.index(w), w) for w in laid.words], entities) == bio_spans(best)
    for entity, span in zip(entities, bio_spans(best), strict=True):
        share = sum(weight for path, weight in weights.items() if span in bio_spans(path))
        assert math.isclose(entity.confidence, share / sum(weights.values()), rel_tol=1e-4)


def bio_spans(path):
    """(first word, end word) of each entity: 1 is B-, 2 is I-."""
    begins = [word for word, tag in enumerate(path) if tag == 1]
    return [
        (first, next((w for w in range(first + 1, len(path)) if path[w] != 2), len(path)))
        for first in begins
    ]


def spans_of(numbered, entities):
    first = {word.start: number for number, word in numbered}
    end = {word.end: number + 1 for number, word in numbered}
    return [(first[entity.start], end[entity.end]) for entity in entities]
