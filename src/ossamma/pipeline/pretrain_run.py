"""One pre-training run from texts to an encoder: tokenizer, token stores, training, checkpoint.

RUN/
  run.json            the resolved recipe, the corpora with fingerprints, how it ended
  tokenizer.json      the tokenizer, trained here or copied
  tokens/             one store per corpus and part, see `tokenization.token_store`
  metrics.jsonl, tensorboard/, checkpoints/     as in a training run
  samples.json        what the model wrote before and after the training
  encoder/            what `ossamma train --init RUN` starts from
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import torch
from accelerate import PartialState
from rich.console import Console
from transformers import set_seed

from ossamma.data.checksum import digest_of
from ossamma.data.readers.jsonl import stream_jsonl
from ossamma.data.split import unit_hash
from ossamma.data.text.paragraphs import ParagraphStream
from ossamma.model.configuration import OssammaConfig
from ossamma.model.modeling import OssammaForMaskedDiffusion
from ossamma.pipeline.circumstances import machine, versions
from ossamma.pipeline.initialise import ENCODER_FOLDER
from ossamma.pipeline.processes import own_process
from ossamma.pipeline.recipe import PretrainRecipe
from ossamma.pipeline.run_compare import flat
from ossamma.pipeline.run_folder import (
    RUN_FILE,
    claim_run,
    held,
    read_record,
    recorded,
    timestamp,
    write_json,
)
from ossamma.schema.errors import CheckpointError, ConfigurationError, DataError
from ossamma.schema.spans import Document
from ossamma.tokenization.features import FeatureSpec, WordFeatures
from ossamma.tokenization.token_store import TextRow, TokenStore, write_tokens
from ossamma.tokenization.tokenizer import (
    TOKENIZER_FILE,
    PieceTokenizer,
    TokenizerSettings,
    train_tokenizer,
)
from ossamma.training.diffusion_trainer import PretrainTask, WeightedStore
from ossamma.training.pretrain import PretrainResult, pretrain
from ossamma.training.samples import draw_samples
from ossamma.training.trackers import TrackedRun, check_trackers, tracked

TOKENS_FOLDER: Final = "tokens"
SAMPLES_FILE: Final = "samples.json"
_HELD_OUT_SHARE: Final = 0.01
_SPECIAL_PIECES: Final = 2  # [CLS] and [SEP] around a row


@dataclass(frozen=True, slots=True)
class TextFile:
    """A corpus of pre-training: JSON lines, or text with a blank line between documents."""

    path: Path
    weight: float = 1.0
    """How often one pass goes over it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PretrainRequest:
    """What to pre-train on, how, and where the run goes."""

    texts: tuple[TextFile, ...]
    """The corpora; a hundredth of each, by the hash of its documents' ids, is held out."""
    out: Path
    """The run folder."""
    recipe: PretrainRecipe
    """All settings."""
    tokenizer: Path | None = None
    """A folder with a tokenizer; None trains one on the texts."""
    row_pieces: int = 256
    """Most pieces in a row, [CLS] and [SEP] included."""
    resume: bool = False
    """Continue the run in `out`."""
    trackers: tuple[str, ...] = ()
    """Where settings and figures go beside TensorBoard; see `training.trackers`."""


@dataclass(frozen=True, slots=True)
class PretrainOutcome:
    """What came of a run."""

    encoder: Path
    result: PretrainResult
    is_main: bool = True
    """Whether this is the first of several processes, the one that speaks."""


def pretrain_encoder(request: PretrainRequest, console: Console | None = None) -> PretrainOutcome:
    """Carry out a pre-training run; under `torchrun` every process calls it.

    Raises:
        CheckpointError: the run folder is in use, or holds another run.
        DataError, FormatError: texts that cannot be read, or without words.
        ConfigurationError: settings that do not go together.
        TrainingError: training had to stop.
    """
    check_trackers(request.trackers)
    settings = request.recipe.pretraining
    if settings.num_threads:
        torch.set_num_threads(settings.num_threads)
    state = PartialState(cpu=not torch.cuda.is_available())
    if not state.is_main_process:
        return _pretrain(request, state, None)
    record = _record(request)
    with held(request.out):
        _claim(request, record)
        return _pretrain(request, state, console)


def _pretrain(
    request: PretrainRequest, state: PartialState, console: Console | None
) -> PretrainOutcome:
    settings = request.recipe.pretraining
    # The first process writes tokenizer and tokens, the others find them.
    with state.main_process_first():
        tokenizer = _tokenizer(request, console)
        stores = _stores(request, tokenizer, console)
    set_seed(settings.seed)
    model = _model(request.recipe, tokenizer)
    task = PretrainTask(
        model=model,
        corpora=[
            WeightedStore(store.train, text.weight)
            for store, text in zip(stores, request.texts, strict=True)
        ],
        held_out=_held_out(stores, request, tokenizer),
        tokenizer=tokenizer,
    )
    record = read_record(request.out)
    if state.is_main_process:
        _add_samples(request, "before", task)
    # The first of several processes speaks for all.
    names = request.trackers if state.is_main_process else ()
    with recorded(request.out, record), tracked(names, _tracked_run(request, record)) as trackers:
        result = pretrain(
            task,
            settings,
            request.out,
            resume=request.resume,
            console=console,
            trackers=trackers,
        )
        trackers.log(flat(result.scores.to_json(), "held_out"), result.steps)
    if state.is_main_process:
        _save_encoder(request.out / ENCODER_FOLDER, model, tokenizer)
        _add_samples(request, "after", task)
        ending = {**_ending(result), "parameters": model.num_parameters()}
        write_json(request.out / RUN_FILE, {**record, **ending})
    state.wait_for_everyone()
    return PretrainOutcome(request.out / ENCODER_FOLDER, result, state.is_main_process)


def read_texts(path: Path) -> Iterator[Document]:
    """Yield the documents of a text file, one at a time.

    Raises:
        DataError, FormatError: the file cannot be read.
    """
    return stream_jsonl(path) if path.suffix == ".jsonl" else ParagraphStream(path)


def build_tokenizer(
    texts: Sequence[Path], settings: TokenizerSettings, folder: Path
) -> PieceTokenizer:
    """Train a tokenizer on text files and write it into a folder.

    Raises:
        DataError, FormatError: a file cannot be read, or the folder not be written.
    """
    documents = (document.text for path in texts for document in read_texts(path))
    tokenizer = train_tokenizer(documents, settings)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(folder)
    return tokenizer


def _ending(result: PretrainResult) -> dict[str, Any]:
    return {
        "status": "finished",
        "ended": timestamp(),
        "scores": result.scores.to_json(),
        "steps": result.steps,
        "seconds": result.seconds,
    }


@dataclass(frozen=True, slots=True)
class _Stores:
    train: TokenStore
    held_out: TokenStore | None


def _record(request: PretrainRequest) -> dict[str, Any]:
    if not request.texts:
        raise ConfigurationError("expected at least one text to pre-train on, got none")
    return {
        "status": "running",
        "kind": "pretraining",
        "recipe": request.recipe.to_json(),
        "row_pieces": request.row_pieces,
        "texts": [
            {"name": t.path.name, "weight": t.weight, "sha256": digest_of(t.path).sha256}
            for t in request.texts
        ],
        "versions": versions(),
        "machine": machine(),
        "started": timestamp(),
        "process": own_process(),
    }


def _tracked_run(request: PretrainRequest, record: dict[str, Any]) -> TrackedRun:
    own = {name: record[name] for name in ("kind", "row_pieces", "texts", "versions")}
    settings = flat(own) | flat(record["recipe"])
    return TrackedRun(folder=request.out, settings=settings, resume=request.resume)


def _claim(request: PretrainRequest, record: dict[str, Any]) -> None:
    """Take the run folder, or check that the run in it is this one."""
    if not request.resume:
        claim_run(request.out, record)
        return
    before = read_record(request.out)
    for name in ("kind", "recipe", "row_pieces", "texts"):
        if before.get(name) != record[name]:
            raise CheckpointError(
                f"cannot resume {request.out}: its {name} differ from those asked for; give the "
                "same options and files, or start a new run"
            )
    write_json(request.out / RUN_FILE, {**record, "started": before.get("started")})


def _tokenizer(request: PretrainRequest, console: Console | None) -> PieceTokenizer:
    if not (request.out / TOKENIZER_FILE).is_file():
        if request.tokenizer is not None:
            PieceTokenizer.load(request.tokenizer).save(request.out)
        else:
            if console:
                console.print("training the tokenizer")
            paths = [text.path for text in request.texts]
            build_tokenizer(paths, request.recipe.tokenizer, request.out)
    return PieceTokenizer.load(request.out)


def _stores(
    request: PretrainRequest, tokenizer: PieceTokenizer, console: Console | None
) -> list[_Stores]:
    specs = [FeatureSpec(*spec) for spec in request.recipe.model["word_features"]]
    features = WordFeatures(specs)
    stores = []
    for number, text in enumerate(request.texts):
        folders = [
            request.out / TOKENS_FOLDER / f"{number:02}-{text.path.stem}-{part}"
            for part in ("train", "held-out")
        ]
        for folder, held_out in zip(folders, (False, True), strict=True):
            if folder.is_dir():
                continue
            if console:
                console.print(f"tokens: {folder.name}", markup=False, highlight=False)
            _write(text.path, folder, tokenizer, features, request, held_out=held_out)
        train = TokenStore(folders[0])
        train.check_fits(tokenizer, specs)
        held = TokenStore(folders[1]) if (folders[1] / "index.json").is_file() else None
        stores.append(_Stores(train, held))
    return stores


def _write(
    path: Path,
    folder: Path,
    tokenizer: PieceTokenizer,
    features: WordFeatures,
    request: PretrainRequest,
    *,
    held_out: bool,
) -> None:
    documents = _part(read_texts(path), held_out=held_out)
    room = request.row_pieces - _SPECIAL_PIECES
    try:
        write_tokens(documents, folder, tokenizer, features, max_pieces=room)
    except DataError:
        if not held_out:
            raise
        folder.mkdir(parents=True)  # a small corpus may hold nothing out


def _part(documents: Iterable[Document], *, held_out: bool) -> Iterator[Document]:
    for document in documents:
        if (unit_hash(document.id, "held-out") < _HELD_OUT_SHARE) == held_out:
            yield document


def _held_out(
    stores: Sequence[_Stores], request: PretrainRequest, tokenizer: PieceTokenizer
) -> list[TextRow]:
    """Take rows of every corpus, as many as its share of the training has, evenly spread."""
    sizes = [
        len(store.train) * text.weight for store, text in zip(stores, request.texts, strict=True)
    ]
    rows: list[TextRow] = []
    for store, size in zip(stores, sizes, strict=True):
        wanted = max(round(request.recipe.pretraining.held_out_rows * size / sum(sizes)), 1)
        available = len(store.held_out) if store.held_out else 0
        step = max(available // wanted, 1)
        if store.held_out:
            chosen = range(0, available, step)[:wanted]
            rows.extend(store.held_out.row(number, tokenizer) for number in chosen)
    if not rows:
        raise DataError(
            "no text was held out: expected a document among a hundred to be; give more documents"
        )
    return rows


def _model(recipe: PretrainRecipe, tokenizer: PieceTokenizer) -> OssammaForMaskedDiffusion:
    return OssammaForMaskedDiffusion(
        OssammaConfig(
            vocab_size=tokenizer.vocab_size,
            pad_token_id=tokenizer.pad_id,
            mask_token_id=tokenizer.mask_id,
            **recipe.model,
        )
    )


def _add_samples(request: PretrainRequest, when: str, task: PretrainTask) -> None:
    """Let the model write, and keep it in the run; a resumed run keeps its first samples."""
    path = request.out / SAMPLES_FILE
    samples = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    if when == "before" and when in samples:
        return
    schedule = request.recipe.pretraining.noise.schedule
    samples[when] = draw_samples(task.model, task.tokenizer, task.held_out, schedule)
    write_json(path, samples)


def _save_encoder(
    folder: Path, model: OssammaForMaskedDiffusion, tokenizer: PieceTokenizer
) -> None:
    """Write the checkpoint under a temporary name and rename it."""
    temporary = folder.with_name(f".{folder.name}.unfinished")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    model.save_pretrained(temporary)
    tokenizer.save(temporary)
    shutil.rmtree(folder, ignore_errors=True)
    temporary.rename(folder)


def facts(outcome: PretrainOutcome) -> dict[str, Any]:
    """Return the outcome as plain JSON."""
    return {
        "encoder": str(outcome.encoder),
        "steps": outcome.result.steps,
        "seconds": outcome.result.seconds,
        **asdict(outcome.result.scores),
        "perplexity": outcome.result.scores.perplexity,
    }
