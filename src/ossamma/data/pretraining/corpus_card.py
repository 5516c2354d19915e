"""The card of prepared corpora: JSON for machines, Markdown for people."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from ossamma.data.catalog import Redistribution
from ossamma.schema.atomic import atomic_write

CARD_FILE: Final = "card.json"
MARKDOWN_FILE: Final = "card.md"


def write_card(card: Mapping[str, Any], folder: Path) -> None:
    """Write the card in both forms; the JSON last, as the sign that all is there."""
    with atomic_write(folder / MARKDOWN_FILE) as file:
        file.write(render_card(card))
    with atomic_write(folder / CARD_FILE) as file:
        json.dump(card, file, indent=1, ensure_ascii=False)
        file.write("\n")


def read_card(folder: Path) -> dict[str, Any] | None:
    """Read the card of a folder; None where there is none that is whole."""
    try:
        card = json.loads((folder / CARD_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    is_card = isinstance(card, dict) and {"fingerprint", "sources", "files"} <= card.keys()
    return card if is_card else None


def render_card(card: Mapping[str, Any]) -> str:
    """Return the card as Markdown."""
    sources: Sequence[Mapping[str, Any]] = card["sources"]
    parts = [
        "# Text for pre-training\n\nWhat is in it, what was left out, and why.\n",
        _table(
            ("source", "documents", "words", "characters", "held out", "licence", "passed on"),
            [_kept_row(source) for source in sources],
            numbers=(1, 2, 3, 4),
        ),
        "\n## Left out\n\nIn documents, or parts of long ones; lines where the rule says so.\n",
        _table(
            ("source", "step", "rule", "count"),
            [row for source in sources for row in _left_out(source)],
            numbers=(3,),
        ),
        "\n## Terms\n",
        "\n".join(_terms(sources)),
        "\n## Inputs\n",
        _table(
            ("source", "format", "files", "bytes", "SHA-256"),
            [
                (s["name"], s["format"], *(s["input"][k] for k in ("files", "num_bytes", "sha256")))
                for s in sources
            ],
            numbers=(2, 3),
        ),
        *_protected(card),
        f"\nFingerprint: `{card['fingerprint']}`\n",
    ]
    return "\n".join(parts)


def _kept_row(source: Mapping[str, Any]) -> tuple[object, ...]:
    train, held_out = source["kept"]["train"], source["kept"]["held_out"]
    numbers = (train["documents"], train["words"], train["characters"], held_out["documents"])
    return source["name"], *numbers, source["licence"] or "not stated", source["redistributable"]


def _left_out(source: Mapping[str, Any]) -> list[tuple[object, ...]]:
    cleaned = source["cleaned"]
    steps = (
        ("reading", source["read"]["left_out"]),
        ("cleaning", {f"{rule} (lines)": count for rule, count in cleaned["lines"].items()}),
        ("cleaning", cleaned["documents"]),
        ("protected sets", source["protected"]),
        ("duplicates", source["duplicates"]),
    )
    return [
        (source["name"], step, rule, count)
        for step, counts in steps
        for rule, count in counts.items()
        if count
    ]


def _terms(sources: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say what follows from the licences, the strictest first."""
    said = {
        Redistribution.NO: "May not be passed on",
        Redistribution.UNCLEAR: "Unclear whether it may be passed on",
        Redistribution.NON_COMMERCIAL: "For non-commercial use only",
        Redistribution.SHARE_ALIKE: "Passed on under its own terms only",
        Redistribution.YES: "May be passed on",
    }
    lines = []
    for terms, sentence in said.items():
        names = [s["name"] for s in sources if s["redistributable"] == terms.value]
        if names:
            lines.append(f"- {sentence}: {', '.join(names)}.")
    lines += [f"- {s['name']}: {s['attribution']}" for s in sources if s["attribution"]]
    return lines


def _protected(card: Mapping[str, Any]) -> list[str]:
    if not card["protected"]:
        return []
    rows = [(each["name"], each["num_bytes"], each["sha256"]) for each in card["protected"]]
    return [
        "\n## Protected sets\n\nTheir documents, and their long sentences, are in none of these.\n",
        _table(("file", "bytes", "SHA-256"), rows, numbers=(1,)),
    ]


def _table(
    heads: Sequence[str], rows: Iterable[Sequence[object]], *, numbers: Sequence[int]
) -> str:
    rule = ["---:" if place in numbers else "---" for place in range(len(heads))]
    lines = [heads, rule, *([_cell(value) for value in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: object) -> str:
    """Return a value that stays in its cell."""
    if isinstance(value, int):
        return f"{value:,}"
    return " ".join(str(value).split()).replace("|", "\\|")
