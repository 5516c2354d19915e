from __future__ import annotations

from ossamma.data.statistics import Statistics, origin_kind
from ossamma.schema.spans import Annotation, Document

TEXT = "Ada met Bob in Oslo"


def document(number: int, **fields) -> Document:
    return Document(id=f"d{number}", text=TEXT, dataset="letters", **fields)


def test_every_document_and_mark_is_counted_once():
    statistics = Statistics()
    ada = Annotation(0, 3, ("PERSON",))
    oslo = Annotation(15, 19, ("AGENCY", "PLACE"), origin="lexicon:towns")
    given = [
        document(1, annotations=(ada, oslo), annotates=frozenset({"PERSON"}), weight=3.0),
        document(2, annotations=(), annotates=None),
    ]
    assert list(statistics.count(given, "train")) == given
    [part] = statistics.to_json()
    assert (part["dataset"], part["split"]) == ("letters", "train")
    assert (part["documents"], part["words"], part["characters"]) == (2, 10, 2 * len(TEXT))
    assert part["entities"] == {"AGENCY|PLACE": 1, "PERSON": 1}
    assert part["origins"] == [["AGENCY|PLACE", "lexicon", 1], ["PERSON", "source", 1]]
    assert part["weights"] == {"1": 1, "3": 1}
    assert part["annotates"] == {"*": 1, "PERSON": 1}
    assert sum(part["document_lengths"].values()) == 2
    assert sum(part["entity_lengths"].values()) == 2


def test_the_order_of_documents_changes_nothing():
    given = [document(n, annotations=(Annotation(0, 3, (t,)),)) for n, t in enumerate("ABCAB")]
    one, other = Statistics(), Statistics()
    for each in given:
        one.add(each, "dev")
    for each in reversed(given):
        other.add(each, "dev")
    assert str(one.to_json()) == str(other.to_json())


def test_origins_are_told_apart_by_their_kind():
    assert origin_kind(Annotation(0, 1, ("A",))) == "source"
    assert origin_kind(Annotation(0, 1, ("A",), origin="pattern:cve")) == "pattern"
