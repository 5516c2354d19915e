"""The model card of a release: README.md with the front matter that Hugging Face reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined

from ossamma.export.manifest import own_version
from ossamma.schema.profile import TypeDescription

_TEMPLATES: Final = "export/templates"
_TAGS: Final = ["ossamma", "named-entity-recognition", "token-classification"]
_EXAMPLE: Final = "Ada Lovelace joined Acme Ltd in 1842."


@dataclass(frozen=True, kw_only=True, slots=True)
class CardSettings:
    """What only a person knows of a release."""

    name: str
    """What it is called, such as acme/ner-news."""
    licence: str | None = None
    """As Hugging Face spells it, such as apache-2.0."""
    languages: tuple[str, ...] = ()
    """Codes such as en."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CardContent:
    """What the card tells beside the settings."""

    facts: Mapping[str, Any]
    """Entries of metadata.json: num_parameters, val_f1, checkpoint_epoch, and scores if any."""
    types: Sequence[TypeDescription]
    form: str
    """Of the weights."""
    f1_check: Mapping[str, Any] | None
    verdicts: Mapping[str, Any] | None
    num_golden: int
    calibrated: bool


def model_card(settings: CardSettings, content: CardContent) -> bytes:
    """Return the page."""
    environment = Environment(
        loader=PackageLoader("ossamma", _TEMPLATES),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701  Markdown; cells are escaped by the filter
        keep_trailing_newline=True,
    )
    environment.filters.update(cell=_cell, percent=_percent)
    scores = [
        (name, {**score, "support": sum(row["support"] for row in score["per_type"].values())})
        for name, score in (content.facts.get("scores") or {}).items()
        if score
    ]
    page = environment.get_template("card.md.jinja").render(
        front_matter=yaml.safe_dump(
            _front_matter(settings, content), sort_keys=False, allow_unicode=True
        ),
        card=settings,
        facts={"profile": None, "data_fingerprint": None, **content.facts},
        types=content.types,
        scores=scores,
        form=content.form,
        f1_check=content.f1_check,
        verdicts=content.verdicts,
        num_golden=content.num_golden,
        calibrated=content.calibrated,
        version=own_version(),
        example=_EXAMPLE,
    )
    return page.encode()


def _front_matter(settings: CardSettings, content: CardContent) -> dict[str, Any]:
    header: dict[str, Any] = {}
    if settings.languages:
        header["language"] = list(settings.languages)
    if settings.licence:
        header["license"] = settings.licence
    header |= {"library_name": "ossamma", "pipeline_tag": "token-classification", "tags": _TAGS}
    results = [
        {
            "task": {"type": "token-classification", "name": "Named entity recognition"},
            "dataset": {
                "type": str(content.facts.get("profile") or "own"),
                "name": f"{name} documents",
                "split": name,
            },
            "metrics": [
                {"type": figure, "value": round(score["micro"][figure], 6)}
                for figure in ("f1", "precision", "recall")
            ],
        }
        for name, score in (content.facts.get("scores") or {}).items()
        if score
    ]
    if results:
        header["model-index"] = [{"name": settings.name, "results": results}]
    return header


def _cell(text: str) -> str:
    """Return text that stays inside a cell of a table, and is no markup."""
    flat = " ".join(str(text).split())
    for letter in "\\`*_[]<>|":
        flat = flat.replace(letter, "\\" + letter)
    return flat


def _percent(share: float) -> str:
    return f"{100 * share:.2f}"
