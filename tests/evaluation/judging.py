"""Judged documents made to order: so many right, invented and missed entities of each type."""

from __future__ import annotations

import numpy as np

from ossamma.evaluation.judge import JudgedDocument, Pair, Relation
from ossamma.evaluation.outcomes import Outcomes
from ossamma.schema.spans import Annotation, Document, Entity

TEXT = "x" * 4


def right(name="A", confidence=0.9, labels=None):
    return Pair(
        Annotation(0, 2, tuple(labels or (name,))),
        Entity(0, 2, name, "xx", confidence),
        Relation.CORRECT,
    )


def spurious(name="A", confidence=0.9):
    return Pair(None, Entity(0, 2, name, "xx", confidence), Relation.SPURIOUS)


def missed(*labels):
    return Pair(Annotation(0, 2, labels or ("A",)), None, Relation.MISSED)


def mistyped(gold="A", predicted="B", confidence=0.9):
    return Pair(
        Annotation(0, 2, (gold,)), Entity(0, 2, predicted, "xx", confidence), Relation.WRONG_TYPE
    )


def document(*pairs, group="", name="d"):
    return JudgedDocument(Document(id=name, text=TEXT, annotations=(), group=group), pairs)


def documents(counts, types=("A",)):
    """Documents with these true positives, false positives, false negatives (U, T, 3)."""
    made = []
    for index, rows in enumerate(np.asarray(counts).reshape(len(counts), len(types), 3).tolist()):
        pairs = []
        for name, (found, invented, lost) in zip(types, rows, strict=True):
            pairs += [right(name)] * found + [spurious(name)] * invented + [missed(name)] * lost
        made.append(document(*pairs, name=f"d{index}"))
    return made


def outcomes(confidences, is_right, *, types=None, units=None, lost=0):
    """Predictions, each in a document of its own unless said otherwise; `lost` gold marks more."""
    confidence_N = np.asarray(confidences, dtype=np.float64)
    right_N = np.asarray(is_right, dtype=np.bool_)
    names = np.array(types if types is not None else ["A"] * len(confidence_N), dtype=np.str_)
    unit_N = np.asarray(np.arange(len(confidence_N)) if units is None else units, dtype=np.int64)
    gold = np.concatenate([names[right_N], np.array(["A"] * lost, dtype=np.str_)])
    gold_unit_G = np.concatenate([unit_N[right_N], np.zeros(lost, dtype=np.int64)])
    return Outcomes(confidence_N, right_N, names, unit_N, gold, gold_unit_G)
