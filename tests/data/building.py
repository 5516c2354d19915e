"""A small profile, a card and files on disk, out of which tests build sets."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ossamma.schema.profile import Profile, load_profile

PROFILE = """
name: letters
title: Letters
types:
  - {name: PERSON, description: people, examples: [Ada]}
  - {name: PLACE, description: places, examples: [Oslo]}
datasets:
  post:
    title: Post
    labels: {per: PERSON, loc: PLACE, odd: DROP}
    annotates: [PERSON]
  towns:
    title: Towns
    labels: {loc: PLACE}
    annotates: [PLACE]
"""
CARD = """
name: {name}
title: The {name}
kind: annotated
homepage: https://example.org/{name}
licence: {licence}
redistributable: {redistributable}
format: conll
advice: made in a test
files:
"""


def profile_in(folder: Path) -> Path:
    """Write the profile and return its file."""
    path = folder / "letters.yaml"
    path.write_text(PROFILE)
    return path


def load(folder: Path) -> Profile:
    """Write and load the profile."""
    return load_profile(profile_in(folder))


def sentence(*words: str) -> str:
    """Write a sentence in columns: `Ada/per met/ Bob/per` becomes a line a word."""
    rows = [word.rpartition("/") for word in words]
    return "".join(f"{word}\t{'B-' + tag if tag else 'O'}\n" for word, _, tag in rows) + "\n"


def card_in(
    folder: Path,
    name: str,
    files: dict[str, tuple[str, str]],
    *,
    redistributable: str = "yes",
    licence: str = "CC0-1.0",
) -> Path:
    """Write a card and its files (path -> split, content) into a mirror; return the card."""
    rows = []
    for path, (split, content) in files.items():
        file = folder / "mirror" / name / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
        digest = hashlib.sha256(content.encode()).hexdigest()
        rows.append(f"  - {{path: {path}, split: {split}, sha256: {digest}}}\n")
    card = folder / f"{name}.yaml"
    head = CARD.format(name=name, licence=licence, redistributable=redistributable)
    card.write_text(head + "".join(rows))
    return card
