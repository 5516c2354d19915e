"""The spaCy component `ossamma_ner`: a bundle in a spaCy pipeline.

    nlp.add_pipe("ossamma_ner", config={"bundle": "runs/a"})

It sets `doc.ents`, `span._.confidence`, and the span group `doc.spans["ossamma"]` with its scores.
A saved pipeline carries the bundle in it, byte by byte; the folder it came from may go.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Final

import srsly
from spacy.language import Language
from spacy.pipeline import Pipe
from spacy.scorer import get_ner_prf
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import minibatch

from ossamma.export.bundle import load
from ossamma.export.manifest import METADATA_FILE, SIGNATURE_FILE, read_metadata, resolve, verify
from ossamma.export.new_folder import new_folder
from ossamma.inference.calibration import ThresholdPolicy
from ossamma.inference.recogniser import OssammaRecogniser
from ossamma.inference.settings import InferenceSettings
from ossamma.schema.errors import BundleError, ConfigurationError
from ossamma.schema.spans import Document, Entity, Span
from ossamma.spacy_path.confidences import register_attributes, write_misfits, write_spans
from ossamma.spacy_path.placement import Placement, place

FACTORY: Final = "ossamma_ner"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class ComponentSettings:
    """How entities come into spaCy's documents."""

    thresholds: str = "none"
    """Which of the bundle's thresholds decide what is left out: none, f1 or precision."""
    min_confidence: float = 0.0
    """Least confidence of an entity that is kept."""
    words: str = "own"
    """What the model reads: "own", the words that it was trained on, so that it finds what it
    finds elsewhere; or "spacy", the pipeline's tokens, so that every border fits."""
    overwrite_ents: bool = True
    """Entities that are there already give way; if not, they are kept and ours fill the gaps."""
    spans_key: str = "ossamma"
    """Of the span group with scores; empty for none."""

    def __post_init__(self) -> None:
        if self.words not in {"own", "spacy"}:
            raise ConfigurationError(f"words must be 'own' or 'spacy', got {self.words!r}")
        self.inference()

    def inference(self) -> InferenceSettings:
        """Return the settings of the recogniser, checked."""
        if self.thresholds not in list(ThresholdPolicy):
            raise ConfigurationError(
                f"thresholds must be one of {', '.join(ThresholdPolicy)}, got {self.thresholds!r}"
            )
        return InferenceSettings(
            thresholds=ThresholdPolicy(self.thresholds), min_confidence=self.min_confidence
        )


@dataclass(slots=True)
class Counts:
    """What became of the entities since the component was made."""

    placed: int = 0
    """Entities that are in a document."""
    widened: int = 0
    """Those of them whose border lay inside a token."""
    left_out: int = 0
    """Entities that are in no document."""


class OssammaNer(Pipe):
    """Recognises entities with a bundle."""

    def __init__(
        self, name: str, settings: ComponentSettings, bundle: str | Path | None = None
    ) -> None:
        """Take the bundle's path; it is verified and loaded when the first document comes.

        Not at once, because spaCy builds a saved pipeline from its configuration, which names a
        folder that may be gone, before it reads what the pipeline carries.
        """
        register_attributes()
        self.name = name
        self.settings = settings
        self.counts = Counts()
        self._folder = None if bundle is None else Path(bundle)
        self._recogniser: OssammaRecogniser | None = None
        self._lock = Lock()

    @property
    def recogniser(self) -> OssammaRecogniser:
        """The recogniser of the bundle, which is loaded if need be.

        Raises:
            BundleError: there is no bundle, or it is not what it says it is.
        """
        with self._lock:
            if self._recogniser is None:
                self._recogniser = load(self._source(), self.settings.inference())
            return self._recogniser

    @property
    def labels(self) -> tuple[str, ...]:
        """The types that it can find; none while there is no bundle to ask.

        spaCy asks before it has read what a saved pipeline carries.
        """
        if self._recogniser is not None:
            return self._recogniser.types
        try:
            tags = read_metadata(resolve(self._source()))["label_schema"]
        except BundleError:
            return ()
        return tuple(tag.removeprefix("B-") for tag in tags if tag.startswith("B-"))

    def __call__(self, doc: Doc) -> Doc:
        """Set the entities of one document."""
        return next(self.pipe(iter([doc]), batch_size=1))

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 128) -> Iterator[Doc]:
        """Set the entities of documents, `batch_size` of them at a time."""
        handle = self.get_error_handler()
        for batch in minibatch(stream, size=batch_size):
            docs = list(batch)
            try:
                self._annotate(docs)
            except Exception as error:  # noqa: BLE001  spaCy's handler decides what becomes of it
                handle(self.name, self, docs, error)
            else:
                yield from docs

    def score(self, examples: Iterable[Example], **_: Any) -> dict[str, Any]:
        """Return spaCy's own scores of entities."""
        return dict(get_ner_prf(examples))

    def to_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> None:
        """Copy the bundle to a folder, and verify the copy."""
        del exclude
        source = resolve(self._source())
        with new_folder(Path(path)) as fresh:
            for name in _names(source):
                shutil.copyfile(source / name, fresh / name)
            verify(fresh)

    def from_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> OssammaNer:
        """Verify and load the bundle in a folder."""
        del exclude
        return self._use(Path(path).resolve())

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """Return the bundle."""
        del exclude
        source = resolve(self._source())
        packed = srsly.msgpack_dumps({n: (source / n).read_bytes() for n in _names(source)})
        assert isinstance(packed, bytes)
        return packed

    def from_bytes(self, content: bytes, *, exclude: Iterable[str] = ()) -> OssammaNer:
        """Verify and load a bundle out of what `to_bytes` gave."""
        del exclude
        folder = Path(tempfile.mkdtemp(prefix="ossamma-"))
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        for name, file in srsly.msgpack_loads(content).items():
            if name != Path(name).name:
                raise BundleError(f"expected plain names of files, got {name!r}")
            (folder / name).write_bytes(file)
        return self._use(folder)

    def _use(self, folder: Path) -> OssammaNer:
        recogniser = load(folder, self.settings.inference())
        with self._lock:
            self._folder, self._recogniser = folder, recogniser
        return self

    def _source(self) -> Path:
        if self._folder is None:
            raise BundleError(
                f"the component {self.name!r} has no bundle; add it with "
                f'nlp.add_pipe("{FACTORY}", config={{"bundle": FOLDER}})'
            )
        return self._folder

    def _annotate(self, docs: list[Doc]) -> None:
        wanted = (self._document(doc, str(number)) for number, doc in enumerate(docs))
        found = [entities for _, entities in self.recogniser.recognise_documents(wanted)]
        before = self.counts.left_out
        for doc, entities in zip(docs, found, strict=True):
            self._set(doc, entities)
        if self.counts.left_out > before:
            _log.warning(
                "%d entities do not fit into spaCy's tokens and were left out of doc.ents; "
                "doc._.ossamma_left_out has them",
                self.counts.left_out - before,
            )

    def _document(self, doc: Doc, identifier: str) -> Document:
        if self.settings.words == "own":
            return Document(id=identifier, text=doc.text)
        words = tuple(Span(t.idx, t.idx + len(t)) for t in doc if not t.is_space)
        return Document(id=identifier, text=doc.text, words=words)

    def _set(self, doc: Doc, entities: list[Entity]) -> None:
        kept = () if self.settings.overwrite_ents else doc.ents
        placement = place(
            entities,
            [token.idx for token in doc],
            [token.idx + len(token) for token in doc],
            taken=frozenset(token.i for span in kept for token in span),
        )
        spans = write_spans(doc, placement.placed, self.settings.spans_key)
        doc.ents = sorted([*kept, *spans])
        widened = [p for p in placement.placed if p.is_widened]
        write_misfits(doc, widened, placement.left_out)
        self._count(placement)

    def _count(self, placement: Placement) -> None:
        self.counts.placed += len(placement.placed)
        self.counts.widened += placement.num_widened
        self.counts.left_out += len(placement.left_out)


@Language.factory(
    FACTORY,
    assigns=["doc.ents", "token.ent_iob", "token.ent_type", "doc.spans"],
    default_config={
        "bundle": None,
        "thresholds": "none",
        "min_confidence": 0.0,
        "words": "own",
        "overwrite_ents": True,
        "spans_key": "ossamma",
    },
    default_score_weights={"ents_f": 1.0, "ents_p": 0.0, "ents_r": 0.0, "ents_per_type": None},
)
def make_ossamma_ner(  # noqa: PLR0913  spaCy hands over every setting by its name
    nlp: Language,
    name: str,
    bundle: str | Path | None,
    thresholds: str,
    min_confidence: float,
    words: str,
    overwrite_ents: bool,  # noqa: FBT001  spaCy hands it over
    spans_key: str,
) -> OssammaNer:
    """Make the component; its settings are those of `ComponentSettings`, beside the bundle."""
    del nlp
    settings = ComponentSettings(
        thresholds=thresholds,
        min_confidence=min_confidence,
        words=words,
        overwrite_ents=overwrite_ents,
        spans_key=spans_key,
    )
    return OssammaNer(name, settings, bundle)


def _names(folder: Path) -> list[str]:
    """Return the files of a bundle, in order."""
    listed = [*verify(folder)["files"], METADATA_FILE]
    if (folder / SIGNATURE_FILE).is_file():
        listed.append(SIGNATURE_FILE)
    return sorted(listed)
