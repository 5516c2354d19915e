"""The tokenizer loses no byte, and a word's pieces depend on the word alone."""

from __future__ import annotations

import json
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models

from ossamma.schema.errors import BundleError, ConfigurationError, DataError
from ossamma.tokenization import tokenizer as module
from ossamma.tokenization.tokenizer import (
    SPECIAL_TOKENS,
    TOKENIZER_FILE,
    PieceTokenizer,
    TokenizerSettings,
    train_tokenizer,
)

TEXTS = [
    "Ada Lovelace joined Acme Ltd in 1842, and Ada wrote the notes.",
    "Charles Babbage met Ada Lovelace at Acme Ltd. He joined the notes.",
    "[MASK] \u00c9ire \u2014 \u6771\u4eac \U0001f600 notes, notes, notes\n\tand tabs",
]
SETTINGS = TokenizerSettings(vocab_size=400, min_frequency=2)

whole_text = st.text(st.characters(codec="utf-8"), max_size=40)
any_text = st.text(st.characters(codec=None, categories=None), max_size=20)  # surrogates too
words = st.lists(any_text | st.sampled_from(["Ada", "[MASK]", "[CLS]", "notes,"]), max_size=8)


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(TEXTS, SETTINGS)


def fresh(tokenizer):
    """The same tokenizer with an empty cache."""
    return PieceTokenizer(Tokenizer.from_str(tokenizer.backend.to_str()))


@given(whole_text)
def test_decoding_gives_the_text_back(tokenizer, text):
    assert tokenizer.decode(tokenizer.encode_text(text)) == text


@given(any_text)
def test_a_lone_surrogate_is_read_as_one_unknown_character(tokenizer, text):
    decoded = tokenizer.decode(tokenizer.encode_text(text))
    assert len(decoded) == len(text)
    assert decoded == "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)


@given(words)
def test_every_word_has_a_piece_of_the_vocabulary_and_none_is_special(tokenizer, words):
    special = {tokenizer.backend.token_to_id(token) for token in SPECIAL_TOKENS}
    encoded = tokenizer.encode_words(words)
    assert len(encoded) == len(words)
    for pieces in encoded:
        assert len(pieces) >= 1
        assert all(0 <= piece < tokenizer.vocab_size for piece in pieces)
        assert special.isdisjoint(pieces)


@given(words, words, st.randoms(use_true_random=False))
def test_a_words_pieces_depend_on_the_word_alone(tokenizer, words, others, random):
    alone = {word: fresh(tokenizer).encode_words([word])[0] for word in {*words, *others}}
    warm = fresh(tokenizer)
    for _ in range(2):  # the second time all of them come from the cache
        mixed = [*words, *others]
        random.shuffle(mixed)
        assert warm.encode_words(mixed) == [alone[word] for word in mixed]


@given(words)
def test_words_are_encoded_as_behind_a_space(tokenizer, words):
    encoded = tokenizer.encode_words(words)
    assert encoded == [tuple(tokenizer.encode_text(" " + word)) for word in words]


@pytest.mark.parametrize("token", SPECIAL_TOKENS)
def test_a_special_token_written_in_a_text_is_not_special(tokenizer, token):
    number = tokenizer.backend.token_to_id(token)
    assert number is not None
    assert number not in tokenizer.encode_text(f"a {token} b")
    assert number not in tokenizer.encode_words([token])[0]
    assert tokenizer.decode(tokenizer.encode_text(f"a {token} b")) == f"a {token} b"


def test_the_special_tokens_are_five_different_pieces(tokenizer):
    numbers = [
        tokenizer.pad_id,
        tokenizer.unk_id,
        tokenizer.cls_id,
        tokenizer.sep_id,
        tokenizer.mask_id,
    ]
    assert numbers == [tokenizer.backend.token_to_id(token) for token in SPECIAL_TOKENS]
    assert len(set(numbers)) == 5
    assert tokenizer.decode(numbers) == "".join(SPECIAL_TOKENS)


def test_a_full_cache_changes_nothing(tokenizer, monkeypatch):
    monkeypatch.setattr(module, "_CACHE_LIMIT", 3)
    small, texts = fresh(tokenizer), [["Ada", "met"], ["Acme", "Ltd"], ["Ada", "joined"]]
    encoded = [small.encode_words(words) for words in texts]
    assert encoded == [fresh(tokenizer).encode_words(words) for words in texts]


def test_training_is_deterministic(tokenizer):
    again = train_tokenizer(iter(TEXTS), SETTINGS)
    assert again.backend.to_str() == tokenizer.backend.to_str()


def test_frequent_words_become_few_pieces(tokenizer):
    assert len(tokenizer.encode_words(["notes"])[0]) < len("notes")


def test_a_surrogate_does_not_stop_the_training():
    trained = train_tokenizer(["Ada \ud800 Ada"], TokenizerSettings(vocab_size=300))
    assert trained.encode_words(["\ud800"]) == trained.encode_words(["\ufffd"])


def test_the_smallest_vocabulary_is_the_bytes_and_reads_everything():
    smallest = train_tokenizer(TEXTS, TokenizerSettings(vocab_size=261))
    assert smallest.vocab_size == 261
    assert len(smallest.encode_text("\U0001f600")) == len("\U0001f600".encode())
    assert smallest.decode(smallest.encode_text(TEXTS[2])) == TEXTS[2]


@pytest.fixture(scope="module")
def loaded(tokenizer, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokenizer")
    tokenizer.save(folder)
    return PieceTokenizer.load(folder)


@given(words=words, text=any_text)
def test_saving_and_loading_changes_no_encoding(tokenizer, loaded, words, text):
    assert loaded.encode_words(words) == tokenizer.encode_words(words)
    assert loaded.encode_text(text) == tokenizer.encode_text(text)
    assert loaded.vocab_size == tokenizer.vocab_size
    assert loaded.mask_id == tokenizer.mask_id


def test_padding_and_truncation_that_a_file_asks_for_are_not_done(tokenizer, tmp_path):
    foreign = Tokenizer.from_str(tokenizer.backend.to_str())
    foreign.enable_padding(length=16)
    foreign.enable_truncation(2)
    foreign.save(str(tmp_path / TOKENIZER_FILE))
    words = ["Ada", "Babbage's", "x" * 20]
    assert PieceTokenizer.load(tmp_path).encode_words(words) == tokenizer.encode_words(words)


def test_threads_get_what_one_thread_gets(tokenizer):
    texts = [[f"w{(i * step) % 700}" for i in range(700)] for step in (1, 3, 7, 9, 11, 13, 17, 19)]
    wanted = [fresh(tokenizer).encode_words(words) for words in texts]
    shared, got = fresh(tokenizer), [None] * len(texts)
    gate = threading.Barrier(len(texts))

    def work(number):
        gate.wait()
        words = texts[number]
        got[number] = [shared.encode_words(words[i : i + 7]) for i in range(0, len(words), 7)]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(texts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [[pieces for part in parts for pieces in part] for parts in got] == wanted


def test_the_transformers_form_reads_the_same_pieces(tokenizer):
    before = tokenizer.encode_words(["[MASK]", "Ada"])
    other = tokenizer.to_transformers(model_max_length=512)
    assert other.mask_token_id == tokenizer.mask_id
    assert other.pad_token_id == tokenizer.pad_id
    encoded = other("Ada met\nAda", add_special_tokens=False)["input_ids"]
    assert encoded == tokenizer.encode_text("Ada met\nAda")
    assert fresh(tokenizer).encode_words(["[MASK]", "Ada"]) == before
    assert tokenizer.encode_text("[MASK]") != [tokenizer.mask_id]


def test_a_folder_without_a_tokenizer_is_refused(tmp_path):
    with pytest.raises(BundleError, match=f"expected a tokenizer at .*{TOKENIZER_FILE}"):
        PieceTokenizer.load(tmp_path)


@pytest.mark.parametrize("content", ["", "{", "[]", json.dumps({"version": "1.0"})])
def test_a_damaged_file_is_refused(tmp_path, content):
    (tmp_path / TOKENIZER_FILE).write_text(content, encoding="utf-8")
    with pytest.raises(BundleError, match="not a readable tokenizer"):
        PieceTokenizer.load(tmp_path)


def test_a_tokenizer_without_the_special_tokens_is_refused(tmp_path):
    Tokenizer(models.BPE()).save(str(tmp_path / TOKENIZER_FILE))
    with pytest.raises(BundleError, match=r"lacks the special tokens \[PAD\], \[UNK\]"):
        PieceTokenizer.load(tmp_path)


def test_a_folder_that_does_not_exist_is_refused(tokenizer, tmp_path):
    with pytest.raises(DataError, match="cannot write"):
        tokenizer.save(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"vocab_size": 260}, "vocab_size must be at least 261"),
        ({"min_frequency": 0}, "min_frequency must be at least 1"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, complaint):
    with pytest.raises(ConfigurationError, match=complaint):
        TokenizerSettings(**settings)
