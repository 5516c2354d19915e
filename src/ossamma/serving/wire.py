"""What goes over the wire: the JSON of requests and answers, and nothing else."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from ossamma.inference.calibration import ThresholdPolicy
from ossamma.schema.spans import Entity
from ossamma.serving.stages import Answer

_EXAMPLE = "Ada Lovelace joined Acme Ltd in 1842."
_TEXTS_HELP = "Texts; offsets of the answer count Unicode code points of each."
_MODEL_HELP = "Name of the model; the first one that is served if left out."


def _check_unicode(text: str) -> str:
    """JSON can write halves of characters, which are no text."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"expected Unicode, got half a surrogate pair at {error.start}") from None
    return text


Text = Annotated[
    str, Field(description="A text.", examples=[_EXAMPLE]), AfterValidator(_check_unicode)
]
Texts = Annotated[
    list[Annotated[str, AfterValidator(_check_unicode)]],
    Field(description=_TEXTS_HELP, examples=[[_EXAMPLE]]),
]
ModelName = Annotated[str | None, Field(description=_MODEL_HELP, max_length=200)]
Probability = Annotated[float, Field(ge=0.0, le=1.0)]


class _Asked(BaseModel):
    """A request: unknown fields are refused, for they are mistakes."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, strict=True)


class PredictRequest(_Asked):
    """Texts whose words, tags and entities are wanted."""

    texts: Texts
    model: ModelName = None


class ExtractRequest(_Asked):
    """Texts whose entities are wanted, and which of them."""

    texts: Texts
    model: ModelName = None
    types: Annotated[
        list[str] | None, Field(description="Only entities of these types.", max_length=1000)
    ] = None
    min_confidence: Annotated[
        float, Field(ge=0.0, le=1.0, description="Leave out less certain entities.")
    ] = 0.0
    thresholds: Annotated[
        ThresholdPolicy,
        Field(
            strict=False,
            description="Leave out what the thresholds of a calibrated model say: for the best F1, "
            "or for its precision floor.",
        ),
    ] = ThresholdPolicy.NONE


class NerRequest(_Asked):
    """A text, in the form of the NER11 service."""

    text: Text


class EntityOut(BaseModel):
    """An entity: the characters [start, end) of its text."""

    start: int
    end: int
    label: str
    text: str
    confidence: Probability


class PredictResult(BaseModel):
    """A text with its words, one tag each, and its entities."""

    text: str
    tokens: list[str]
    labels: list[str]
    entities: list[EntityOut]


class PredictResponse(BaseModel):
    """One result for each text, in order."""

    results: list[PredictResult]


class ExtractResult(BaseModel):
    """The entities of a text."""

    entities: list[EntityOut]


class ExtractResponse(BaseModel):
    """One result for each text, in order, and which model it is of."""

    model: str
    checksum: str
    calibrated: bool
    results: list[ExtractResult]


class NerEntity(BaseModel):
    """An entity in the form of the NER11 service."""

    text: str
    label: str
    start: int
    end: int
    score: Probability


class NerResponse(BaseModel):
    """Entities, and how many words the text has."""

    entities: list[NerEntity]
    doc_length: int


class ModelOut(BaseModel):
    """A model that is served, or shall be."""

    model_config = ConfigDict(protected_namespaces=())

    name: str
    state: str
    model_type: str = ""
    version: str = ""
    checksum: str = ""
    profile: str = ""
    num_labels: int = 0
    labels: list[str] = []
    val_f1: float | None = None
    exported_at: str = ""
    calibrated: bool = False
    thresholds: list[str] = []


class InfoResponse(ModelOut):
    """The default model, and the names of all."""

    models: list[str] = []


class ModelsResponse(BaseModel):
    """Every model of the server."""

    models: list[ModelOut]


class HealthResponse(BaseModel):
    """The process lives."""

    status: str


class ReadyResponse(BaseModel):
    """Whether requests should be sent here, and the state of each model."""

    status: str
    models: dict[str, str]


class ReloadRequest(_Asked):
    """Which models to load anew; all if left out."""

    models: Annotated[list[str] | None, Field(max_length=100)] = None


class ReloadResponse(BaseModel):
    """What came of each: empty if the new model is served, else the fault."""

    models: dict[str, str]


class FieldFault(BaseModel):
    """What is wrong with a field of the request."""

    field: str
    message: str


class ErrorResponse(BaseModel):
    """Why there is no answer. No part of the request is repeated."""

    error: str
    detail: str
    fields: list[FieldFault] = []
    request_id: str = ""


def entity_json(entity: Entity) -> dict[str, Any]:
    """An entity as plain JSON."""
    return {
        "start": entity.start,
        "end": entity.end,
        "label": entity.label,
        "text": entity.text,
        "confidence": entity.confidence,
    }


def ner_entity_json(entity: Entity) -> dict[str, Any]:
    """An entity as plain JSON, in the form of the NER11 service."""
    return {
        "text": entity.text,
        "label": entity.label,
        "start": entity.start,
        "end": entity.end,
        "score": entity.confidence,
    }


def predict_json(text: str, answer: Answer) -> dict[str, Any]:
    """A text with words, tags and entities as plain JSON."""
    return {
        "text": text,
        "tokens": [text[word.start : word.end] for word in answer.words],
        "labels": tags_of(answer),
        "entities": [entity_json(entity) for entity in answer.entities],
    }


def tags_of(answer: Answer) -> list[str]:
    """Return the BIO tag of each word; entities consist of whole words."""
    tags = ["O"] * len(answer.words)
    starts = [word.start for word in answer.words]
    for entity in answer.entities:
        first = bisect_left(starts, entity.start)
        last = bisect_left(starts, entity.end)
        tags[first:last] = [f"B-{entity.label}", *[f"I-{entity.label}"] * (last - first - 1)]
    return tags


def faults_of(errors: Iterable[Any]) -> list[FieldFault]:
    """Name the fields of pydantic's errors, without what was in them."""
    return [FieldFault(field=_path(each["loc"])[:200], message=each["msg"]) for each in errors]


def _path(place: Sequence[int | str]) -> str:
    """Write `("body", "texts", 3)` as `texts[3]`; a mere number is a place in broken JSON.

    An unknown field's name comes from the client, so that it is made ASCII.
    """
    steps = place[1:] if place and place[0] == "body" else place
    if not steps or isinstance(steps[0], int):
        return "body"
    path = steps[0] + "".join(f"[{s}]" if isinstance(s, int) else f".{s}" for s in steps[1:])
    return path.encode("ascii", "backslashreplace").decode()
