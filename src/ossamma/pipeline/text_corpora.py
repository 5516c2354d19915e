"""Texts of a plan, fetched and prepared for pre-training, with the mixture that they make.

OUT/
<source>.jsonl, card.json, card.md, work/     see `data.pretraining.prepare`
mixture.json                                  how often a pass goes over each file
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from ossamma.data.catalog import load_card
from ossamma.data.download import Downloader, Progress
from ossamma.data.fetch import fetch
from ossamma.data.pretraining.cleaning import CleanSettings
from ossamma.data.pretraining.prepare import PreparedCorpora, PrepareSettings, Step, prepare
from ossamma.data.pretraining.quality import QualitySettings
from ossamma.data.pretraining.selection import HeldOutShare
from ossamma.data.pretraining.sources import TextSource, source_of_card
from ossamma.data.pretraining.text_plan import PlannedText, TextPlan
from ossamma.schema.atomic import atomic_write
from ossamma.schema.errors import DataError

MIXTURE_FILE: Final = "mixture.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class TextRequest:
    """Which texts to prepare, and where."""

    plan: TextPlan
    """The mixture."""
    out: Path
    """Folder of the prepared texts."""
    data: Path
    """The folder of fetched data sets."""
    mirror: Path | None = None
    """A local mirror to fetch from."""
    protected: tuple[Path, ...] = ()
    """Labelled sets whose documents and long sentences are left out."""
    workers: int = 1
    """Sources read at once."""


def prepare_texts(
    request: TextRequest, step: Step, progress: Progress, client: Downloader | None
) -> PreparedCorpora:
    """Fetch, clean and de-duplicate the texts of a plan.

    Raises:
        ConfigurationError: a source whose terms the plan does not take, or of a wrong format.
        DataError, FormatError: a text that cannot be had or read.
    """
    sources = [_source(request, text, progress, client) for text in request.plan.sources]
    # `ossamma pretrain` holds a share of its own out, of whatever text it is given.
    settings = PrepareSettings(held_out=HeldOutShare(share=0.0), workers=request.workers)
    prepared = prepare(sources, settings, request.out, protected=request.protected, step=step)
    weights = {
        source.train.name: text.weight
        for source, text in zip(prepared.sources, request.plan.sources, strict=True)
        if source.characters
    }
    with atomic_write(request.out / MIXTURE_FILE) as file:
        file.write(json.dumps(weights, indent=2) + "\n")
    return prepared


def read_mixture(folder: Path) -> dict[Path, float]:
    """Return the files of a prepared folder with their weights.

    Raises:
        DataError: it holds no mixture.
    """
    path = folder / MIXTURE_FILE
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return {folder / name: float(weight) for name, weight in content.items()}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise DataError(
            f"{path}: expected the mixture of prepared texts ({error}); make one with "
            "`ossamma data prepare`, or give files of text"
        ) from error


def _source(
    request: TextRequest, text: PlannedText, progress: Progress, client: Downloader | None
) -> TextSource:
    source = _of_card(request, text, progress, client) if text.card else _of_file(text)
    request.plan.check_terms(source.redistributable, source.name)
    if text.min_words is None:
        return source
    quality = QualitySettings(min_words=text.min_words)
    return replace(source, clean=CleanSettings(quality=quality))


def _of_card(
    request: TextRequest, text: PlannedText, progress: Progress, client: Downloader | None
) -> TextSource:
    card = load_card(text.card)
    report = fetch(card, request.data, client=client, mirror=request.mirror, progress=progress)
    if report.missing:
        first = report.missing[0]
        raise DataError(f"{card.name}: {first.path} is missing: {first.reason}")
    only = report.files[0].target if len(report.files) == 1 else report.folder
    return source_of_card(card, only, text.options)


def _of_file(text: PlannedText) -> TextSource:
    return TextSource(
        name=text.name,
        path=text.path or Path(),
        format=text.format,
        options=text.options,
        licence=text.licence,
        redistributable=text.redistributable,
        attribution=text.attribution,
    )
