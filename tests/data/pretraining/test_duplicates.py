"""Duplicates found on the disk are those found by looking every text up among all before it."""

from __future__ import annotations

import random

import numpy as np
import pytest

from ossamma.data.near_index import NearSettings
from ossamma.data.pretraining.duplicates import find_duplicates, find_duplicates_reference
from ossamma.data.pretraining.prints import (
    DuplicateSettings,
    PrintFiles,
    PrintMaker,
    PrintWriter,
    line_key,
    long_lines,
)
from ossamma.schema.errors import ConfigurationError

VOCABULARY = [f"word{number}" for number in range(2000)]


def print_files(folder, sources, settings) -> list[PrintFiles]:
    maker, files = PrintMaker(settings), []
    for number, texts in enumerate(sources):
        place = folder / f"source{number}"
        place.mkdir()
        with PrintWriter(place, settings) as writer:
            for start in range(0, len(texts), 7):
                batch = texts[start : start + 7]
                writer.add(batch, maker.prints(batch))
        files.append(PrintFiles(place))
    return files


def find(folder, sources, settings):
    return find_duplicates(print_files(folder, sources, settings), settings, folder)


def set_of(flags, size) -> set[int]:
    return set(np.flatnonzero(flags.has(np.arange(size))).tolist())


def texts_with_copies(generator: random.Random, num_texts: int) -> list[str]:
    texts: list[str] = []
    for _ in range(num_texts):
        words = generator.choices(VOCABULARY, k=generator.choice([1, 2, 5, 30, 45, 60, 200]))
        if texts and generator.random() < 0.5:
            words = generator.choice(texts).split()
            for _ in range(generator.choice([0, 0, 1, 2, 8])):
                words[generator.randrange(len(words))] = generator.choice(VOCABULARY)
        texts.append(" ".join(words))
    return texts


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("threshold", [0.5, 0.8])
def test_they_are_those_of_the_reference(tmp_path, seed, threshold):
    generator = random.Random(seed)
    texts = texts_with_copies(generator, 120)
    texts[50] = f"  {texts[3].upper()}\n"
    settings = DuplicateSettings(near=NearSettings(threshold=threshold, bucket_limit=255))
    cuts = sorted(generator.choices(range(len(texts)), k=2))
    sources = [texts[: cuts[0]], texts[cuts[0] : cuts[1]], texts[cuts[1] :]]
    found = find(tmp_path, sources, settings)
    exact, near = find_duplicates_reference(texts, settings)
    assert set_of(found.exact, len(texts)) == exact
    assert set_of(found.near, len(texts)) == near
    assert 50 in exact
    assert near
    assert {path.name for path in tmp_path.iterdir()} == {"source0", "source1", "source2"}


def test_a_template_used_a_thousand_times_stays_once(tmp_path):
    frame = " ".join(VOCABULARY[:60])
    texts = [f"{frame} {number}" for number in range(1000)]
    found = find(tmp_path, [texts], DuplicateSettings())
    assert set_of(found.near, 1000) == set(range(1, 1000))


def test_near_ones_can_be_left_alone(tmp_path):
    texts = ["a b c d e f g h", "a b c d e f g h", "a b c d e f g h i"]
    found = find(tmp_path, [texts], DuplicateSettings(near=None))
    assert (set_of(found.exact, 3), len(found.near)) == ({1}, 0)


@pytest.mark.parametrize("copies", [0, 1, 3])
def test_lines_beyond_the_allowed_copies_are_flagged(tmp_path, copies):
    settings = DuplicateSettings(near=None, line_characters=10, line_copies=copies)
    notice, short = "All of this  is a Notice", "short"
    texts = [
        f"{short}\ntext number {n} of many\n{notice.upper() if n % 2 else notice}" for n in range(6)
    ]
    found = find(tmp_path, [texts[:2], texts[2:]], settings)
    lines = [line for text in texts for line in long_lines(text, settings)]
    flagged = set_of(found.lines, len(lines)) if copies else set()
    places = [n for n, line in enumerate(lines) if line.lower() == notice.lower()]
    assert flagged == set(places[copies:] if copies else [])


def test_lines_are_equal_whatever_their_case_and_space():
    assert line_key("A  b\tC ") == line_key("a b c")
    assert line_key("a b c") != line_key("a bc")


def test_no_documents_have_no_duplicates(tmp_path):
    found = find(tmp_path, [[], [""]], DuplicateSettings())
    assert (len(found.exact), len(found.near), len(found.lines)) == (0, 0, 0)
    with pytest.raises(ConfigurationError, match="line_copies"):
        DuplicateSettings(line_copies=-1)
