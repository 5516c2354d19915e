"""English is told from other languages by their commonest words."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.data.pretraining.cleaning import CleanCounts, CleanSettings, clean_parts
from ossamma.data.pretraining.english import (
    NO_ENGLISH,
    NO_LATIN,
    EnglishSettings,
    common_words,
    language_fault,
    languages_of_words,
)
from ossamma.data.pretraining.registry import open_corpus
from ossamma.schema.errors import ConfigurationError

# Article 1 of the Universal Declaration of Human Rights: a language, a tab, the text.
_LINES = Path(__file__).with_name("article1.tsv").read_text(encoding="utf-8").splitlines()
ARTICLE = dict(line.split("\t") for line in _LINES)
ENGLISH = [
    "All human beings are born free and equal in dignity and rights. They are endowed with reason "
    "and conscience and should act towards one another in a spirit of brotherhood.",
    "Buffer overflow in NFS mountd gives root access to remote attackers, mostly in Linux systems.",
    "BRCA1 mutations increased tumour growth; p53 was reduced in treated mice (p<0.05).",
    "Showers continued throughout the week in the Bahia cocoa zone, alleviating the drought.",
    "Detects suspicious child processes spawned by Microsoft Office applications.",
    "A naïve reader of Müller\u2019s Über isn\u2019t used to the café and its words.",
]


@pytest.mark.parametrize("text", ENGLISH)
def test_english_passes(text):
    assert language_fault(text, EnglishSettings()) is None


@pytest.mark.parametrize("language", sorted(ARTICLE))
def test_other_languages_do_not(language):
    rule = language_fault(ARTICLE[language], EnglishSettings())
    assert rule == (NO_LATIN if language in {"ru", "el", "zh", "ar"} else NO_ENGLISH)


@pytest.mark.parametrize("language", sorted(ARTICLE))
def test_a_long_text_that_is_hardly_english_is_none(language):
    text = f"{ENGLISH[0]} " + f"{ARTICLE[language]} " * 40
    assert language_fault(text, EnglishSettings()) is not None


@given(st.text())
def test_every_text_has_an_answer(text):
    assert language_fault(text, EnglishSettings()) in {None, NO_LATIN, NO_ENGLISH}


def test_a_text_without_words_is_not_english():
    assert language_fault("12 34", EnglishSettings()) == NO_ENGLISH


def test_a_word_counts_for_every_language_that_has_it():
    assert common_words({"in": 2, "die": 1, "xyzzy": 5})["de"] == 3
    assert common_words({"xyzzy": 5}) == {}
    assert common_words({"in": 2})["en"] == 2
    assert len({language for found in languages_of_words().values() for language in found}) > 30


@pytest.mark.parametrize("wrong", [{"min_common": 2.0}, {"margin": 0.0}, {"window_characters": 0}])
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(ConfigurationError):
        EnglishSettings(**wrong)


@pytest.mark.data
@pytest.mark.parametrize(
    "name", ["bbc", "cve_descriptions", "pubmedqa", "novels", "sigma_descriptions"]
)
def test_hardly_any_real_english_is_refused(name):
    path = Path(os.environ["OSSAMMA_MIRROR"]) / "text" / f"{name}.txt.xz"
    counts, kept = CleanCounts(), 0
    for document in islice(open_corpus(path, "text"), 2000):
        kept += len(list(clean_parts(document, CleanSettings(), counts)))
    assert counts.documents[NO_ENGLISH] + counts.documents[NO_LATIN] <= 0.02 * kept
