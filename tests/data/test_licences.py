from __future__ import annotations

import pytest

from ossamma.data.catalog import CardFile, Redistribution, load_card
from ossamma.data.licences import redistribution_of


@pytest.mark.parametrize(
    ("licence", "expected"),
    [
        ("CC-BY-4.0", "yes"),
        ("CC-BY-SA-3.0", "share-alike"),
        ("CC-BY-NC-SA-3.0", "non-commercial"),
        ("CC-BY-NC-4.0", "non-commercial"),
        ("CC-BY-ND-4.0", "no"),
    ],
)
def test_a_file_with_a_licence_of_its_own_is_judged_by_that(licence, expected):
    card = load_card("conll2003")
    assert card.redistributable is Redistribution.NO
    assert redistribution_of(CardFile(path="a", licence=licence), card).value == expected


@pytest.mark.parametrize("licence", ["", "ask the author", "CC-BY-NC-XX-4.0"])
def test_any_other_file_by_its_card(licence):
    card = load_card("conll2003")
    assert redistribution_of(CardFile(path="a", licence=licence), card) is card.redistributable
