"""Measure how often the automatic marks are right, label by label, on corpora that people marked.

A mark is right where the people's mark has the same bounds (strict), or overlaps it (overlap), and
a type that the table below takes for the same. The rest are marks where people saw another type
(other) or marked nothing (unmarked; often because they overlooked it: no corpus here is complete).
A label is judged only on corpora that mark it.
Rules were tuned on training and development files only; the figures to report are of test files.
"""

from __future__ import annotations

import argparse
import json
import os
import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from ossamma.data.autolabel.labeller import Labeller, load_labeller
from ossamma.data.readers.conll import ConllFormat, read_conll
from ossamma.schema.spans import Annotation, Document

ACTORS = ("APT_GROUP", "THREAT_ACTOR")
SOFTWARE = ("SOFTWARE_COMPONENT", "PRODUCT")
COMPANIES = ("VENDOR", "ORGANIZATION")
ADDRESSES = ("IP", "DOM", "URL", "EMAIL", "FILE", "MD5", "SHA1", "SHA2")


@dataclass(frozen=True)
class Gold:
    """A corpus: its files, its format, and what its types mean among ours."""

    files: Mapping[str, str]
    types: Mapping[str, Sequence[str]]
    form: ConllFormat = field(default_factory=lambda: ConllFormat(on_error="skip"))


CORPORA = {
    "aptner": Gold(
        files={s: f"aptner/APTNER{s}.txt" for s in ("train", "dev", "test")},
        types={
            "APT": ACTORS,
            "MAL": ("MALWARE",),
            "TOOL": ("TOOL", *SOFTWARE),
            "VULID": ("CVE",),
            "VULNAME": ("VULNERABILITY",),
            "OS": ("OPERATING_SYSTEM",),
            "PROT": ("PROTOCOL",),
            "ENCR": ("MECHANISM",),
            "SECTEAM": ("SECURITY_TEAM", "VENDOR"),
            "IDTY": (*COMPANIES, "SECTOR"),
            "ACT": ("ATTACK_TECHNIQUE",),
            **dict.fromkeys(ADDRESSES, ("INDICATOR",)),
        },
    ),
    "cyner": Gold(
        files={
            split: f"cyner/dataset/mitre/{file}.txt"
            for split, file in {"train": "train", "dev": "valid", "test": "test"}.items()
        },
        types={
            "Malware": ("MALWARE",),
            "Indicator": ("INDICATOR",),
            "System": ("OPERATING_SYSTEM", *SOFTWARE),
            "Organization": (*COMPANIES, "SECURITY_TEAM"),
            "Vulnerability": ("CVE", "VULNERABILITY"),
        },
    ),
    "dnrti": Gold(
        files={
            split: f"dnrti/{file}.txt"
            for split, file in {"train": "train", "dev": "valid", "test": "test"}.items()
        },
        types={
            "HackOrg": ACTORS,
            "Tool": ("MALWARE", "TOOL"),
            "SamFile": ("INDICATOR", "MALWARE"),
            "Exp": ("CVE", "VULNERABILITY"),
            "SecTeam": ("SECURITY_TEAM",),
            "Idus": ("SECTOR",),
            "Org": COMPANIES,
            "Way": ("ATTACK_TECHNIQUE",),
            "OffAct": ("ATTACK_TECHNIQUE",),
        },
    ),
    "annoctr": Gold(
        files={s: f"annoctr/AnnoCTR/ner_bio/{s}.bio" for s in ("train", "dev", "test")},
        types={
            "GROUP": ACTORS,
            "MALWARE": ("MALWARE",),
            "TOOL": ("TOOL",),
            "TACTIC": ("TACTIC",),
            "TECHNIQUE": ("ATTACK_TECHNIQUE",),
            "SECTOR": ("SECTOR",),
            "ORG": (*COMPANIES, "SECURITY_TEAM"),
        },
        form=ConllFormat(on_error="skip", tag_column=6),
    ),
}


@dataclass
class Tally:
    """Counts of marks and what became of them."""

    marks: int = 0
    strict: int = 0
    overlap: int = 0
    other: int = 0

    def __iadd__(self, other: Tally) -> Tally:
        """Add the counts of another."""
        self.marks += other.marks
        self.strict += other.strict
        self.overlap += other.overlap
        self.other += other.other
        return self

    def row(self) -> dict[str, float]:
        """Return counts and precisions."""
        marks = max(self.marks, 1)
        return {
            "marks": self.marks,
            "strict": self.strict / marks,
            "overlap": self.overlap / marks,
            "other_type": self.other / marks,
            "unmarked": 1 - (self.overlap + self.other) / marks,
        }


@dataclass
class Result:
    """Tallies by label and by origin, examples of false marks, and the people's marks found."""

    labels: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    origins: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    false: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    not_judged: Counter[str] = field(default_factory=Counter)
    gold: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)


def judge(documents: Sequence[Document], gold: Gold, labeller: Labeller, result: Result) -> None:
    """Compare the marks of unlabelled texts with the people's."""
    judged = {label for labels in gold.types.values() for label in labels}
    for document in documents:
        marks = labeller.label(document.text)
        for mark in marks:
            if judged.isdisjoint(mark.labels):
                result.not_judged[mark.label] += 1
            else:
                _judge_mark(document, mark, gold, result)
        for known in document.annotations or ():
            if known.label in gold.types:
                result.gold[known.label] += 1
                result.found[known.label] += any(_overlap(known, mark) for mark in marks)


def _judge_mark(document: Document, mark: Annotation, gold: Gold, result: Result) -> None:
    near = [known for known in document.annotations or () if _overlap(known, mark)]
    same = [known for known in near if set(mark.labels) & set(gold.types.get(known.label, ()))]
    strict = any((known.start, known.end) == (mark.start, mark.end) for known in same)
    tally = Tally(1, int(strict), int(bool(same)), int(bool(near and not same)))
    result.labels[mark.label] += tally
    result.origins[mark.origin] += tally
    if not strict:
        text = document.text
        meant = ", ".join(f"{k.label}: {text[k.start : k.end]}" for k in near) or "nothing"
        around = text[max(0, mark.start - 30) : mark.end + 30].replace("\n", " ")
        kind = "bounds" if same else "false"
        result.false[f"{mark.label} {mark.origin}"].append(
            f"{kind}: {text[mark.start : mark.end]!r}; people: {meant}; in: {around}"
        )


def _overlap(one: Annotation, other: Annotation) -> bool:
    return one.start < other.end and other.start < one.end


def report(name: str, result: Result, num_examples: int, seed: int) -> Iterator[str]:
    """Yield the lines of a report."""
    yield f"== {name}"
    for title, tallies in (("label", result.labels), ("origin", result.origins)):
        yield f"{title:40}{'marks':>8}{'strict':>9}{'overlap':>9}{'other':>9}{'unmarked':>9}"
        for key, tally in sorted(tallies.items(), key=lambda item: -item[1].marks):
            yield _line(key, tally)
    total = Tally()
    for tally in result.labels.values():
        total += tally
    yield _line("all", total)
    yield f"not judged here: {dict(result.not_judged.most_common())}"
    shares = {key: f"{result.found[key]}/{n}" for key, n in result.gold.most_common()}
    yield f"marks of people that a mark overlaps: {shares}"
    generator = random.Random(seed)
    for key, examples in sorted(result.false.items()) if num_examples else ():
        yield f"-- {key}: {len(examples)} not strictly right"
        sample = generator.sample(examples, min(num_examples, len(examples)))
        yield from (f"   {example}" for example in sample)


def _line(key: str, tally: Tally) -> str:
    shares = "".join(f"{value:9.3f}" for name, value in tally.row().items() if name != "marks")
    return f"{key:40}{tally.marks:8}{shares}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    mirror = os.environ.get("OSSAMMA_MIRROR")
    parser.add_argument("--mirror", type=Path, default=mirror, help="folder of the data sets")
    parser.add_argument("--profile", default="ner11", help="default: %(default)s")
    parser.add_argument("--corpora", nargs="+", choices=[*CORPORA], default=[*CORPORA])
    parser.add_argument("--split", choices=["train", "dev", "test"], default="test")
    parser.add_argument("--examples", type=int, default=0, help="false marks shown of each kind")
    parser.add_argument("--seed", type=int, default=0, help="of the examples")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    options = parser.parse_args()
    if options.mirror is None:
        parser.error("give --mirror or set OSSAMMA_MIRROR")

    labeller = load_labeller(files("ossamma.profiles").joinpath(options.profile), options.mirror)
    rows = {}
    for name in options.corpora:
        gold = CORPORA[name]
        corpus = read_conll(options.mirror / gold.files[options.split], gold.form)
        result = Result()
        judge(corpus.documents, gold, labeller, result)
        rows[name] = {label: tally.row() for label, tally in sorted(result.labels.items())}
        if not options.json:
            print("\n".join(report(name, result, options.examples, options.seed)))
    if options.json:
        print(json.dumps({"split": options.split, "precision": rows}))


if __name__ == "__main__":
    main()
