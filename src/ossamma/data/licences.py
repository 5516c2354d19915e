"""What may be done with a file: its card's word, or that of its own licence."""

from __future__ import annotations

import re
from typing import Final

from ossamma.data.catalog import CardFile, DatasetCard, Redistribution

_CREATIVE_COMMONS: Final = re.compile(r"CC-BY(?P<terms>(?:-(?:NC|SA|ND))*)-\d(?:\.\d)?")


def redistribution_of(file: CardFile, card: DatasetCard) -> Redistribution:
    """Return whether a file may be passed on.

    A file with a Creative Commons licence of its own is judged by that; any other by its card.
    """
    match = _CREATIVE_COMMONS.fullmatch(file.licence)
    if match is None:
        return card.redistributable
    terms = set(match["terms"].split("-"))
    if "ND" in terms:
        return Redistribution.NO
    if "NC" in terms:
        return Redistribution.NON_COMMERCIAL
    return Redistribution.SHARE_ALIKE if "SA" in terms else Redistribution.YES
