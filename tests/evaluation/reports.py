"""Reports of any counts, made of real documents, judged and scored by the real code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import cycle
from typing import Any

from ossamma.evaluation.document_counts import count_documents
from ossamma.evaluation.judge import JudgedDocument, judge
from ossamma.evaluation.report import ReportFacts, make_report
from ossamma.evaluation.resampling import ResamplingSettings
from ossamma.schema.profile import available_profiles, load_profile
from ossamma.schema.spans import Annotation, Document, Entity

Wanted = Mapping[str, tuple[int, int, int]]
"""True positives, false positives and false negatives of each type."""

DATASETS = ("conll2003", "ontonotes5", "fewnerd", "wnut17")
SPEED = {"hardware": "a test", "latency_ms": {"512": 12.5}, "sequences_per_second": 400.0}
TRAINING = {"best_f1": 0.9, "seconds": 60.0}


def made(wanted: Wanted, num_documents: int = 20) -> tuple[list[Document], list[list[Entity]]]:
    """Documents and predictions with these counts, dealt out in turn."""
    dealt: list[list[tuple[str, str]]] = [[] for _ in range(num_documents)]
    turn = cycle(dealt)
    for name, counts in wanted.items():
        for kind, number in zip(("tp", "fp", "fn"), counts, strict=True):
            for _ in range(number):
                next(turn).append((name, kind))
    documents, found = [], []
    for index, marks in enumerate(dealt):
        text = "a " * len(marks) or "nothing"
        placed = [(2 * place, *mark) for place, mark in enumerate(marks)]
        gold = tuple(Annotation(at, at + 1, (name,)) for at, name, kind in placed if kind != "fp")
        dataset = DATASETS[index % len(DATASETS)]
        documents.append(Document(id=f"d{index}", text=text, annotations=gold, dataset=dataset))
        found.append([Entity(at, at + 1, n, "a") for at, n, kind in placed if kind != "fn"])
    return documents, found


def report(
    wanted: Wanted, *, num_documents: int = 20, profile: str | None = "rag9", **sections: Any
) -> dict[str, Any]:
    """A whole report; `sections` replace some of its sections."""
    documents, found = made(wanted, num_documents)
    hierarchy = load_profile(profile).hierarchy if profile in available_profiles() else None
    facts = ReportFacts(
        system={"kind": "predictions", "name": "p.jsonl", "path": "p.jsonl", "checksum": None},
        gold={"path": "g.jsonl", "sha256": "ab" * 32, "documents": num_documents},
        version="0.1.0",
        created="2026-11-22T12:00:00+01:00",
        profile=profile,
        types=tuple(wanted),
        hierarchy=hierarchy,
        resampling=ResamplingSettings(resamples=200),
        training=TRAINING,
        speed=SPEED,
    )
    content = make_report(list(judge(documents, found)), facts)
    return json.loads(json.dumps(content | sections))


def per_document(judged: list[JudgedDocument]) -> dict[str, Any]:
    return json.loads(json.dumps(count_documents(judged).to_json()))
