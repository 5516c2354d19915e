"""One form of Unicode and white space: idempotent, and no word becomes another."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.data.pretraining.normal_form import NormalForm, normal_form

NOTHING = NormalForm(compose=False, drop_controls=False, plain_spaces=False)
messy = st.text(
    st.characters() | st.sampled_from("ab e\u0301\u00a0\u200b\u2028\r\n\n\t\x00\x85\ufeff\u3000"),
    max_size=30,
)


@given(messy)
def test_it_is_idempotent_and_composed(text):
    once = normal_form(text, NormalForm())
    assert normal_form(once, NormalForm()) == once
    assert once == unicodedata.normalize("NFC", once)
    assert not any(unicodedata.category(c) in {"Cc", "Cs"} for c in once if c not in "\n\t")
    assert "\n\n\n" not in once
    assert once == once.strip()


@given(messy)
def test_visible_text_is_the_same_to_a_reader(text):
    def visible(some):
        kept = (c for c in some if not c.isspace() and unicodedata.category(c)[0] != "C")
        return unicodedata.normalize("NFC", "".join(kept))

    assert visible(normal_form(text, NormalForm())) == visible(text)


@given(messy)
def test_every_step_can_be_switched_off(text):
    assert normal_form(text, NOTHING) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("e\u0301te\u0301", "été"),
        ("\ufb01ne \u00b2 \u2122", "\ufb01ne \u00b2 \u2122"),  # NFKC would change the letters
        ("a\u00a0b\u2009c\r\nd\re\u2028f \n", "a b c\nd\ne\nf"),
        ("co\u00adope\u200brate\ufeff", "cooperate"),
        ("a\n\n \n\nb", "a\n\nb"),
        ("\U0001f468\u200d\U0001f469", "\U0001f468\u200d\U0001f469"),
    ],
)
def test_examples(text, expected):
    assert normal_form(text, NormalForm()) == expected
