"""The phase `data`: a training set is built, or one that is there is taken."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from ossamma.data.card import CARD_NAME
from ossamma.data.download import Downloader
from ossamma.data.own_files import OwnRequest, parse_own
from ossamma.data.readers.jsonl import stream_jsonl
from ossamma.data.split import PRIORITY
from ossamma.pipeline.corpora import NATIVE
from ossamma.pipeline.forge import ForgeRequest, forge, profile_fingerprint
from ossamma.pipeline.taskmaster.fingerprints import of_path, of_values
from ossamma.pipeline.taskmaster.phases import RunBackend
from ossamma.pipeline.taskmaster.work import Made, Work
from ossamma.schema.errors import DataError, ProfileError
from ossamma.tokenization.words import split_words

FOLDER: Final = "data"
_DOCBIN: Final = "spacy"


def inputs(work: Work) -> dict[str, str]:
    """Return fingerprints of profile, policy, own files and a set that is built already."""
    plan = work.plan
    found = {
        "profile": NATIVE if plan.profile == NATIVE else profile_fingerprint(plan.profile),
        "options": of_values([plan.any_licence, plan.backend.value]),
    }
    if plan.policy:
        found["policy"] = of_path(Path(plan.policy))
    if plan.own:
        found["own"] = of_values([[each, of_path(parse_own(each)[0])] for each in plan.own])
    if plan.built:
        found |= {name: of_path(path) for name, path in _splits(Path(plan.built)).items()}
    return found


def make(work: Work) -> Made:
    """Build the set, or take the one that is there.

    Raises:
        DataError, FormatError, ProfileError, ConfigurationError: an input is at fault.
    """
    if work.plan.profile == NATIVE and not work.plan.built:
        raise ProfileError("the profile `native` has no data sets; give --built DIR, or a profile")
    folder = Path(work.plan.built) if work.plan.built else work.run / FOLDER
    facts = {} if work.plan.built else _build(work, folder)
    found = _splits(folder)
    for name, path in found.items():
        if not path.is_file() or not path.stat().st_size:
            raise DataError(f"{path}: expected the documents of {name}, got nothing")
    sizes = {name: sum(1 for _ in stream_jsonl(path)) for name, path in found.items()}
    outputs = dict(found)
    if (folder / f"{CARD_NAME}.json").is_file():
        outputs["card"] = folder / f"{CARD_NAME}.json"
    if work.plan.backend is RunBackend.SPACY:
        outputs |= _docbins(work, folder)
    shown = ", ".join(f"{name} {number:,}" for name, number in sizes.items())
    return Made(outputs=outputs, message=f"documents: {shown}", facts={**facts, "documents": sizes})


def _splits(folder: Path) -> dict[str, Path]:
    return {str(split): folder / f"{split}.jsonl" for split in reversed(PRIORITY)}


def _build(work: Work, folder: Path) -> dict[str, Any]:
    plan = work.plan
    request = ForgeRequest(
        profile=plan.profile,
        out=folder,
        data=Path(plan.data),
        mirror=Path(plan.mirror) if plan.mirror else None,
        policy=Path(plan.policy) if plan.policy else None,
        own=OwnRequest(labelled=tuple(parse_own(each) for each in plan.own)),
        any_licence=plan.any_licence,
        formats=(_DOCBIN,) if plan.backend is RunBackend.SPACY else (),
    )
    with nullcontext() if plan.offline else Downloader() as client:
        card = forge(request, _Progress(work), client)
    return {
        "sources": len(card["sources"]),
        "rejected": [f"{each['name']}: {each['reason']}" for each in card["rejected"]],
        "duplicates": sum(card["assembly"]["duplicates"].values()),
    }


def _docbins(work: Work, folder: Path) -> dict[str, Path]:
    """Return spaCy's form of the splits that it trains with; written where the build wrote none."""
    if work.plan.built:
        # spaCy is an extra of its own: only this backend needs it.
        docbin = import_module("ossamma.data.writers.docbin")
        settings = docbin.DocBinOutput(split_words=split_words, outside="if_annotated")
        own = work.run / FOLDER
        own.mkdir(exist_ok=True)
        for name in ("train", "dev"):
            docbin.write_docbin(
                own / f"{name}.spacy", stream_jsonl(folder / f"{name}.jsonl"), settings
            )
        folder = own
    return {f"{name}_docs": folder / f"{name}.spacy" for name in ("train", "dev")}


@dataclass(slots=True)
class _Progress:
    """Tells of each step of a build, and of nothing smaller."""

    work: Work

    def step(self, title: str, done: int, total: int) -> None:
        """Begin a step."""
        self.work.say(f"  {done + 1}/{total} {title}")

    def begin(self, name: str, total: int | None) -> None:
        """Begin a file."""

    def advance(self, num_bytes: int) -> None:
        """Take no notice of bytes."""
