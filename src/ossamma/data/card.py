"""The data card of a built set: JSON for machines, Markdown for repositories, HTML to look at."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, StrictUndefined

from ossamma.data.catalog import Redistribution
from ossamma.data.charts import bar_chart
from ossamma.data.split import PRIORITY
from ossamma.schema.atomic import atomic_write
from ossamma.schema.errors import DataError

CARD_NAME: Final = "card"
_TEMPLATES: Final = "templates"
_KINDS: Final = ("exact", "near", "sentence")
_REMARKS: Final[Mapping[str, str]] = {"skipped": "left out", "notes": "noted"}


def write_card(content: Mapping[str, Any], folder: Path) -> None:
    """Write the card in all three forms; the JSON last, as the sign that all is there."""
    for ending in ("md", "html"):
        with atomic_write(folder / f"{CARD_NAME}.{ending}") as file:
            file.write(render_card(content, ending))
    with atomic_write(folder / f"{CARD_NAME}.json") as file:
        json.dump(content, file, indent=1, ensure_ascii=False)
        file.write("\n")


def read_card(folder: Path) -> dict[str, Any]:
    """Read the card of a built set. Raises DataError where there is none."""
    path = folder / f"{CARD_NAME}.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(
            f"{folder} has no {path.name}: expected the folder of a finished `ossamma data build`"
        ) from None
    except ValueError as error:
        raise DataError(f"{path} is damaged: {error}; build the set anew") from None
    if not isinstance(content, dict):
        raise DataError(f"{path} is damaged: expected an object; build the set anew")
    return content


def render_card(content: Mapping[str, Any], ending: str) -> str:
    """Return the card as `md` or `html`."""
    template = files("ossamma.data").joinpath(_TEMPLATES, f"card.{ending}.jinja")
    environment = Environment(
        autoescape=ending == "html",  # noqa: S701  Markdown has no markup to escape
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["number"] = "{:,}".format
    environment.filters["percent"] = "{:.1%}".format
    environment.filters["cell"] = _cell
    return environment.from_string(template.read_text(encoding="utf-8")).render(
        card=content, view=_View(content), kinds=_KINDS, splits=PRIORITY, bar_chart=bar_chart
    )


def _cell(value: object) -> str:
    """Return a text that stays in its cell of a Markdown table."""
    return " ".join(str(value).split()).replace("|", "\\|")


_RESTRICTED: Final = (
    Redistribution.NON_COMMERCIAL,
    Redistribution.NO,
    Redistribution.UNCLEAR,
)


def _terms_of(source: Mapping[str, Any]) -> set[str]:
    """Return the terms of the files that were taken of a source: their own, or the source's."""
    given = source.get("redistributable")
    terms = {file.get("redistributable", given) for file in source["files"]}
    return {each for each in terms if each is not None}


class _View:
    """What the templates show, summed up from the parts of a card."""

    def __init__(self, card: Mapping[str, Any]) -> None:
        self._card = card
        self.totals = self._totals()
        self.types = self._types()
        self.origins = self._origins()
        self.remarks = list(self._remarks())
        terms = [(source["dataset"], _terms_of(source)) for source in card["sources"]]
        self.share_alike = [name for name, found in terms if Redistribution.SHARE_ALIKE in found]
        self.restricted = [
            (name, ", ".join(each for each in _RESTRICTED if each in found))
            for name, found in terms
            if not found.isdisjoint(_RESTRICTED)
        ]

    def _totals(self) -> dict[str, dict[str, int]]:
        """Documents, words, characters and entities of each split."""
        totals = {split: Counter[str]() for split in reversed(PRIORITY)}
        for part in self._card["statistics"]:
            counts = totals[part["split"]]
            counts.update({name: part[name] for name in ("documents", "words", "characters")})
            counts["entities"] += sum(part["entities"].values())
        return {split: dict(counts) for split, counts in totals.items() if counts}

    def _types(self) -> list[tuple[str, dict[str, int]]]:
        """Marks of each type by split, the profile's types first, then the open ones."""
        counts: dict[str, Counter[str]] = {
            name: Counter() for name in self._card["profile"]["types"]
        }
        for part in self._card["statistics"]:
            for name, number in part["entities"].items():
                counts.setdefault(name, Counter())[part["split"]] += number
        return [(name, dict(by_split)) for name, by_split in counts.items()]

    def _origins(self) -> list[tuple[str, dict[str, int]]]:
        """Marks of each kind of origin by split."""
        counts: dict[str, Counter[str]] = {}
        for part in self._card["statistics"]:
            for _, origin, number in part["origins"]:
                counts.setdefault(origin, Counter())[part["split"]] += number
        return [(name, dict(counts[name])) for name in sorted(counts)]

    def _remarks(self) -> Iterator[dict[str, Any]]:
        """What was left out or noted as the files were read, with one example of each."""
        for source in self._card["sources"]:
            for file in source["files"]:
                for key, kind in _REMARKS.items():
                    if number := file["read"].get(f"num_{key}"):
                        name = f"{source['dataset']}/{file['path']}"
                        example = file["read"][key][0]
                        yield {"file": name, "kind": kind, "example": example, "number": number}

    def lengths(self, name: str) -> list[tuple[str, int]]:
        """Documents or marks by length over the whole set."""
        total: Counter[str] = Counter()
        order: dict[str, None] = {}
        for part in self._card["statistics"]:
            total.update(part[name])
            order.update(dict.fromkeys(part[name]))
        return [(label, total[label]) for label in order]

    def weights(self) -> list[tuple[str, int]]:
        """Training documents by weight."""
        total: Counter[str] = Counter()
        for part in self._card["statistics"]:
            if part["split"] == PRIORITY[-1]:
                total.update(part["weights"])
        return sorted(total.items(), key=lambda item: float(item[0]))

    def labelled_by(self, dataset: str) -> Sequence[str]:
        """Types that a data set annotates in every of its documents here; `*` for all."""
        documents, annotated = 0, Counter[str]()
        for part in self._card["statistics"]:
            if part["dataset"] == dataset:
                documents += part["documents"]
                annotated.update(part["annotates"])
        return [name for name, number in sorted(annotated.items()) if number == documents]
