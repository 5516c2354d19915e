"""Rows from the disk are the windows that the tagger would read, whatever the order."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ossamma.schema.errors import ConfigurationError, DataError
from ossamma.schema.spans import Document
from ossamma.tokenization.alignment import align, cut_window, words_of
from ossamma.tokenization.features import FeatureSpec, WordFeatures
from ossamma.tokenization.token_store import (
    INDEX_FILE,
    NOT_IN_A_WORD,
    TokenStore,
    iter_rows,
    write_tokens,
)
from ossamma.tokenization.tokenizer import PieceTokenizer, TokenizerSettings, train_tokenizer
from ossamma.tokenization.windows import tile_words

FEATURES = WordFeatures([FeatureSpec("lower", 50), FeatureSpec("shape", 30)])
TEXTS = st.lists(
    st.lists(
        st.sampled_from(["Ada", "Ada", "met", "Babbage", ",", "1842", "x" * 70, "\n", "\n\n"]),
        max_size=30,
    ).map(" ".join),
    min_size=1,
    max_size=5,
)


@pytest.fixture(scope="module")
def tokenizer() -> PieceTokenizer:
    return train_tokenizer(["Ada met Ada"] * 2, TokenizerSettings(vocab_size=270))


def made(texts: list[str]) -> list[Document]:
    return [Document(id=str(number), text=text) for number, text in enumerate(texts)]


def written(folder: Path, texts: list[str], tokenizer: PieceTokenizer, **changes: object) -> None:
    options = {"features": FEATURES, "max_pieces": 50, **changes}
    features = options.pop("features")
    write_tokens(made(texts), folder, tokenizer, features, **options)  # type: ignore[arg-type]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=TEXTS, room=st.integers(49, 90))
def test_rows_are_the_windows_of_the_tagger(
    tokenizer: PieceTokenizer, tmp_path_factory: pytest.TempPathFactory, texts: list[str], room: int
) -> None:
    folder = tmp_path_factory.mktemp("t") / "store"
    wanted = []
    for document in made(texts):
        text = align(document, words_of(document), tokenizer, FEATURES)
        windows = tile_words(text.num_pieces, max_pieces=room, margin=0, cuts=text.breaks)
        wanted += [cut_window(text, window, tokenizer) for window in windows]
    if not wanted:
        with pytest.raises(DataError, match="at least one word"):
            written(folder, texts, tokenizer, max_pieces=room)
        assert list(folder.parent.iterdir()) == []
        return
    written(folder, texts, tokenizer, max_pieces=room)
    store = TokenStore(folder, verify=True)
    rows = list(iter_rows(store, tokenizer))
    assert len(rows) == len(wanted) == len(store)
    assert store.lengths.tolist() == [len(row.input_ids) for row in rows]
    for row, window in zip(rows, wanted, strict=True):
        assert row.input_ids.tolist() == window.input_ids.tolist()
        assert row.features.tolist() == window.features.tolist()
        # A word's first piece is where the word's number appears first.
        first = {int(word): t for t, word in reversed(list(enumerate(row.words)))}
        first.pop(NOT_IN_A_WORD)
        assert sorted(first.values()) == window.first_pieces.tolist()
        assert [word for word in row.words if word >= 0] == sorted(row.words[row.words >= 0])
    assert store.index.words == sum(len(words_of(document)) for document in made(texts))
    assert store.index.documents == len(texts)


def test_the_same_texts_give_the_same_bytes(tokenizer: PieceTokenizer, tmp_path: Path) -> None:
    for name in ("a", "b"):
        written(tmp_path / name, ["Ada met Babbage , Ada\nmet 1842"] * 3, tokenizer)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_a_model_without_word_features_has_none_stored(
    tokenizer: PieceTokenizer, tmp_path: Path
) -> None:
    written(tmp_path / "s", ["Ada met Ada"], tokenizer, features=WordFeatures([]))
    assert not (tmp_path / "s" / "features.bin").exists()
    row = TokenStore(tmp_path / "s", verify=True).row(0, tokenizer)
    assert row.features.shape == (len(row.input_ids), 0)


def test_a_killed_writer_leaves_nothing_that_looks_like_a_store(
    tokenizer: PieceTokenizer, tmp_path: Path
) -> None:
    def documents():  # type: ignore[no-untyped-def]
        yield from made(["Ada met Ada"])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_tokens(documents(), tmp_path / "s", tokenizer, FEATURES, max_pieces=50)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / ".s.unfinished").mkdir()  # what SIGKILL would leave
    written(tmp_path / "s", ["Ada"], tokenizer)
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


@pytest.mark.parametrize("name", ["pieces.bin", "starts.bin", "features.bin", "rows.bin"])
def test_a_damaged_file_is_named(tokenizer: PieceTokenizer, tmp_path: Path, name: str) -> None:
    written(tmp_path / "s", ["Ada met Ada"] * 4, tokenizer)
    path = tmp_path / "s" / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(DataError, match=name):
        TokenStore(tmp_path / "s", verify=True)
    path.write_bytes(bytes(content[:-1]))
    with pytest.raises(DataError, match="expected"):
        TokenStore(tmp_path / "s")


def test_what_is_no_store_and_what_exists_are_refused(
    tokenizer: PieceTokenizer, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="not a token store"):
        TokenStore(tmp_path)
    with pytest.raises(DataError, match="exists"):
        written(tmp_path, ["Ada"], tokenizer)
    written(tmp_path / "s", ["Ada"], tokenizer)
    index = tmp_path / "s" / INDEX_FILE
    index.write_text(json.dumps({**json.loads(index.read_text()), "format": "other/1"}))
    with pytest.raises(DataError, match="other/1"):
        TokenStore(tmp_path / "s")


def test_another_tokenizer_or_other_features_are_refused(
    tokenizer: PieceTokenizer, tmp_path: Path
) -> None:
    written(tmp_path / "s", ["Ada met Ada"], tokenizer)
    store = TokenStore(tmp_path / "s")
    store.check_fits(tokenizer, FEATURES.specs)
    with pytest.raises(ConfigurationError, match="word features"):
        store.check_fits(tokenizer, FEATURES.specs[:1])
    other = train_tokenizer(["Babbage"] * 2, TokenizerSettings(vocab_size=270))
    with pytest.raises(ConfigurationError, match="another tokenizer"):
        store.check_fits(other, FEATURES.specs)


def test_features_that_do_not_fit_are_refused(tokenizer: PieceTokenizer, tmp_path: Path) -> None:
    wide = WordFeatures([FeatureSpec("lower", 70_000)])
    with pytest.raises(ConfigurationError, match=r"65,535"):
        written(tmp_path / "s", ["Ada"], tokenizer, features=wide)
    assert np.iinfo(np.uint16).max == 65_535
