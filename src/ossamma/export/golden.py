"""Golden cases: texts of a release with what it finds in them, asked again whenever it is loaded.

Hashes say that the files are those that were released. Golden cases say that this machine, with
its libraries, still computes the same from them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch

from ossamma.export.manifest import GOLDEN_FILE, ONNX_GOLDEN_FILE
from ossamma.inference.recogniser import OssammaRecogniser
from ossamma.inference.scorers import Backend
from ossamma.inference.settings import InferenceSettings
from ossamma.schema.errors import BundleError
from ossamma.schema.spans import Entity

TOLERANCE: Final = 1e-3
"""Greatest difference of a span's posterior probability. Spans and types must be the same."""
NUM_CASES: Final = 32
_FORMAT: Final = "ossamma-golden/1"
_NOISE: Final = 3e-3
"""A case is steady if tag scores moved by about this much still give the same spans. Between
machines float32 moves them by 1e-5."""
_NUM_TRIALS: Final = 2

_PLAIN: Final = (
    "Ada Lovelace met Charles Babbage in London on 5 June 1833.",
    "Microsoft bought GitHub for $7.5 billion in 2018.",
    "The European Commission fined Google 4.34 billion euros, Reuters reported from Brussels.",
    "Heavy rain flooded parts of Jakarta and Bangkok last Tuesday.",
    "Nothing of interest happened there.",
    "Marie Curie won the Nobel Prize in Physics in 1903 and in Chemistry in 1911.",
    "Sales at Toyota Motor Corp rose 12 percent to 9.6 million vehicles.",
    "Dr. Smith (Johns Hopkins University) flew to St. Petersburg, Florida.",
    "Manchester United beat Real Madrid 3-1 at Old Trafford.",
    "TOKYO 1996-08-22: JAPAN GET LUCKY WIN, CHINA IN SURPRISE DEFEAT",
    "the ceo of apple, tim cook, wrote to ursula von der leyen",
    "Write to jane.doe@example.org or see https://www.example.org/a?b=1&c=2 for CVE-2021-44228.",
)
_HARD: Final = (
    "",
    " \t ",
    "Oslo",
    "Oslo\nLima\r\n\r\nParis\tRome",
    "\u201cWe won\u201d, said Zo\u00eb M\u00fcller\u2014in S\u00e3o Paulo\u2026",
    "Angela\u00a0Merkel \U0001f44d\U0001f3fd \u6771\u4eac \u041c\u043e\u0441\u043a\u0432\u0430",
    "\u0645\u062d\u0645\u062f lives in \u0627\u0644\u0642\u0627\u0647\u0631\u0629 (Cairo).",
    "x" * 300 + " Berlin " + "9" * 40,
    # Texts of several windows; the more entities, the likelier one of them is a close call.
    " ".join(f"Line {n}: John Smith of Acme Ltd left Paris." for n in range(40)),
    " ".join(f"On day {n} nothing else happened." for n in range(90)) + " Oslo slept.",
    " ".join((*_PLAIN, *reversed(_PLAIN), *_PLAIN)),
)
_FRAMES: Final = ("The report names {}.", "They spoke of {} at length.", "{} was mentioned twice.")


@dataclass(frozen=True, slots=True)
class GoldenCase:
    """A text and the entities on the best path, with their posteriors before calibration."""

    text: str
    entities: tuple[Entity, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON with fixed keys."""
        return {
            "text": self.text,
            "entities": [
                {"start": e.start, "end": e.end, "label": e.label, "posterior": e.confidence}
                for e in self.entities
            ],
        }


def golden_texts(examples: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Return texts of our own, plain and hard, with sentences around the examples of each type.

    No text of a data set is among them: a release may be given to anyone.

    Args:
        examples: of each type, by its name; none is needed.
    """
    texts = [*_HARD, *_PLAIN]
    longest = max(map(len, examples.values()), default=0)
    named = [each[n] for n in range(longest) for each in examples.values() if n < len(each)]
    texts += [_FRAMES[n % len(_FRAMES)].format(example) for n, example in enumerate(named)]
    # Where the profile has no examples, pairs of sentences fill the number.
    texts += [f"{a} {b}" for a, b in zip(_PLAIN, (*_PLAIN[5:], *_PLAIN[:5]), strict=True)]
    return tuple(dict.fromkeys(texts))


def record_goldens(
    recogniser: OssammaRecogniser, texts: Sequence[str], *, in_company: bool = True
) -> tuple[GoldenCase, ...]:
    """Return the first steady cases among these texts, at most `NUM_CASES`.

    A case is steady if slightly different tag scores give the same spans: a tie would make a
    release refuse itself on another machine. Each text is asked alone.

    Args:
        recogniser: the model as it will be used.
        texts: the candidates.
        in_company: whether a case must also come out the same among others. The answers of an int8
            graph do not: the range of its activations is that of the whole batch.
    """
    raw = raw_recogniser(recogniser)
    disturbed = [_disturbed(raw, trial) for trial in range(_NUM_TRIALS)]
    among_others = raw.recognise(texts) if in_company else None
    cases: list[GoldenCase] = []
    for number, text in enumerate(texts):
        [found] = raw.recognise([text])
        steady = all(_spans(each.recognise([text])[0]) == _spans(found) for each in disturbed)
        if among_others is not None:
            steady &= difference(among_others[number], found) <= TOLERANCE / 10
        if steady:
            cases.append(GoldenCase(text, tuple(found)))
        if len(cases) == NUM_CASES:
            break
    return tuple(cases)


def raw_recogniser(recogniser: OssammaRecogniser) -> OssammaRecogniser:
    """Return the same model and scorer, with default settings and posteriors as they are."""
    return OssammaRecogniser(
        recogniser.model,
        recogniser.tokenizer,
        InferenceSettings(calibrated=False),
        scorer=recogniser.scorer,
    )


def golden_file(cases: Sequence[GoldenCase]) -> bytes:
    """Return the content of golden.json."""
    content = {
        "format": _FORMAT,
        "tolerance": TOLERANCE,
        "cases": [case.to_json() for case in cases],
    }
    return (json.dumps(content, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()


def read_goldens(
    folder: Path, backend: Backend = Backend.TORCH
) -> tuple[float, tuple[GoldenCase, ...]]:
    """Return the tolerance and the cases of a verified bundle; no cases if it has none.

    A graph whose figures are not those of the model has cases of its own.

    Raises:
        BundleError: the file is not what `golden_file` writes.
    """
    path = folder / GOLDEN_FILE
    if backend is Backend.ONNX and (folder / ONNX_GOLDEN_FILE).is_file():
        path = folder / ONNX_GOLDEN_FILE
    if not path.is_file():
        return TOLERANCE, ()
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != _FORMAT:
            raise BundleError(
                f"{path}: expected {_FORMAT}, got {content['format']!r}; use the version of "
                "ossamma that wrote it, or a newer one"
            )
        return float(content["tolerance"]), tuple(map(_case, content["cases"]))
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise BundleError(f"{path} is no file of golden cases: {error!r}; fetch it anew") from error


def check_goldens(
    folder: Path, recogniser: OssammaRecogniser, exported_with: Mapping[str, str]
) -> int:
    """Ask the golden cases of a bundle again and return their number.

    Args:
        folder: the bundle, verified.
        recogniser: its model, as it will be used.
        exported_with: versions of the libraries that recorded them, for the message.

    Raises:
        BundleError: another answer than the one that was recorded.
    """
    tolerance, cases = read_goldens(folder, recogniser.scorer.backend)
    raw = raw_recogniser(recogniser)
    for number, case in enumerate(cases, start=1):
        [entities] = raw.recognise([case.text])
        off = difference(case.entities, entities)
        if not off <= tolerance:
            raise BundleError(_complaint(folder, number, (case, entities), exported_with))
    return len(cases)


def difference(expected: Sequence[Entity], found: Sequence[Entity]) -> float:
    """Return the greatest difference of two posteriors; infinite where the spans differ."""
    if _spans(expected) != _spans(found):
        return float("inf")
    pairs = zip(expected, found, strict=True)
    return max((abs(a.confidence - b.confidence) for a, b in pairs), default=0.0)


def _spans(entities: Sequence[Entity]) -> list[tuple[int, int, str]]:
    return [(e.start, e.end, e.label) for e in entities]


def _disturbed(recogniser: OssammaRecogniser, seed: int) -> OssammaRecogniser:
    """Return a recogniser whose tag scores are all a little different."""
    model = deepcopy(recogniser.model)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for scores in (model.head.emissions.bias, model.crf.transitions):
            noise = torch.randn(scores.shape, generator=generator) * _NOISE
            scores.add_(noise.to(scores.device))
    is_own = recogniser.scorer.backend is Backend.TORCH  # a graph's scores stay; the CRF's move
    return OssammaRecogniser(
        model,
        recogniser.tokenizer,
        recogniser.settings,
        scorer=None if is_own else recogniser.scorer,
    )


def _case(entry: Mapping[str, Any]) -> GoldenCase:
    text = entry["text"]
    return GoldenCase(
        text,
        tuple(
            Entity(e["start"], e["end"], e["label"], text[e["start"] : e["end"]], e["posterior"])
            for e in entry["entities"]
        ),
    )


def _complaint(
    folder: Path,
    number: int,
    answers: tuple[GoldenCase, Sequence[Entity]],
    exported_with: Mapping[str, str],
) -> str:
    case, found = answers
    text = case.text if len(case.text) <= 80 else case.text[:77] + "..."
    libraries = ", ".join(f"{name} {version}" for name, version in sorted(exported_with.items()))
    return (
        f"{folder}: golden case {number} is answered differently here. Text {text!r}: expected "
        f"{_listed(case.entities)}, got {_listed(found)}. The files are intact, so a library or "
        f"the machine computes something else; the release was made with {libraries or 'unknown'}."
        " Install those versions, or make the release anew: ossamma export RUN --out BUNDLE. To "
        "use it nevertheless, load it with verify='hashes'"
    )


def _listed(entities: Sequence[Entity]) -> str:
    shown = [f"{e.label} {e.start}-{e.end} ({e.confidence:.4f})" for e in entities[:5]]
    more = [f"and {len(entities) - 5} more"] if len(entities) > 5 else []
    return ", ".join([*shown, *more]) or "nothing"
