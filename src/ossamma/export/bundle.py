"""The bundle: a released model folder that verifies itself before it is used.

::

    BUNDLE/
      config.json            architecture and labels, Hugging Face form
      model.safetensors      weights; no pickle anywhere
      tokenizer.json         the piece tokenizer
      tokenizer_config.json  for Hugging Face's AutoTokenizer
      labels.json            the types with their descriptions
      calibration.json       only if it was calibrated: what posteriors mean, and thresholds
      golden.json            of a release: texts, and what must be found in them
      reference.json         of a release: histograms of dev documents, to tell drift from
      gates.json             of a release that was held against gates: the verdicts
      model.onnx             of a release that has one: the encoder as a graph
      golden.onnx.json       beside an int8 graph: what must be found with it
      README.md              of a release: the model card
      metadata.json          what this is, how good, and the SHA-256 of every file above
      metadata.json.sig      of a signed release: the signature over metadata.json
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from transformers.utils import logging as transformers_logging

from ossamma.export.calibration_file import read_calibration, write_calibration
from ossamma.export.golden import check_goldens
from ossamma.export.manifest import (
    CALIBRATION_FILE,
    LABELS_FILE,
    METADATA_FILE,
    ONNX_FILE,
    own_version,
    read_metadata,
    resolve,
    seal,
    stated_facts,
)
from ossamma.export.manifest import verify as verify_files
from ossamma.export.new_folder import new_folder
from ossamma.export.shipped import shipped_bundle
from ossamma.inference.calibration import Calibration
from ossamma.inference.device import CPU, device_of
from ossamma.inference.onnx_scorer import OnnxScorer
from ossamma.inference.recogniser import OssammaRecogniser
from ossamma.inference.scorers import Backend, Scorer
from ossamma.inference.settings import InferenceSettings
from ossamma.inference.settled import torch_scorer
from ossamma.model.modeling import OssammaForTokenClassification
from ossamma.schema.errors import BundleError, ConfigurationError
from ossamma.schema.profile import Profile
from ossamma.tokenization.tokenizer import PieceTokenizer

_ANY_LENGTH = 1 << 30
W = TypeVar("W", bound=StrEnum)


def save_bundle(
    folder: Path,
    model: OssammaForTokenClassification,
    tokenizer: PieceTokenizer,
    profile: Profile,
    *,
    facts: Mapping[str, Any],
) -> None:
    """Write a bundle; an older bundle of that name gives way when the new one is complete.

    Args:
        folder: where the bundle goes; its parent is made if need be.
        model: the tagger, as it shall decode.
        tokenizer: the tokenizer it was trained with.
        profile: the profile whose types it predicts.
        facts: further entries of metadata.json; "checkpoint_epoch" and "val_f1" are required.

    Raises:
        BundleError: something that is not a bundle stands in the way.
    """
    assert profile.labels.tags == model.labels.tags, "the model predicts the profile's types"
    if folder.exists() and not (folder / METADATA_FILE).is_file():
        raise BundleError(f"{folder} exists and is not a bundle; expected a new or a bundle folder")
    with new_folder(folder) as fresh:
        _write_files(fresh, model, tokenizer, profile)
        seal(
            fresh,
            {
                **facts,
                "model_type": "OssammaNER",
                "version": own_version(),
                "num_labels": model.labels.num_tags,
                "label_schema": list(model.labels.tags),
                "num_parameters": sum(p.numel() for p in model.parameters()),
                "exported_at": datetime.now(UTC).isoformat(timespec="seconds"),
            },
        )


def save_calibrated(source: Path, folder: Path, calibration: Calibration) -> None:
    """Write a copy of a bundle that carries this calibration instead of the one it may have.

    All other files and facts are those of the source, byte by byte.

    Args:
        source: a bundle or run folder; it stays as it is.
        folder: where the copy goes; nothing may be there yet. Its parent is made if need be.
        calibration: fitted on confidences of this very model.

    Raises:
        BundleError: the source is no intact bundle, or something stands in the way.
    """
    origin = resolve(source)
    metadata = verify_files(origin)
    if folder.exists() or folder.is_symlink():
        raise BundleError(f"{folder} exists; expected a new folder for the calibrated bundle")
    if origin.resolve() in folder.resolve().parents:
        raise BundleError(f"{folder} lies inside the bundle {origin}; expected it elsewhere")
    with new_folder(folder) as fresh:
        for name in metadata["files"]:
            if name != CALIBRATION_FILE:
                shutil.copyfile(origin / name, fresh / name)
        write_calibration(fresh, calibration)
        seal(fresh, stated_facts(metadata))
        verify_files(fresh)


class Check(StrEnum):
    """What is checked before a bundle is used."""

    GOLDEN = "golden"
    """Hashes, and the golden cases if there are any: takes a fraction of a second more."""
    HASHES = "hashes"
    """Every byte of every file."""
    METADATA = "metadata"
    """Only metadata.json itself: for a folder that was verified a moment ago."""


def load(
    path: str | Path | None = None,
    settings: InferenceSettings | None = None,
    *,
    verify: Check | str = Check.GOLDEN,
    backend: Backend | str = Backend.AUTO,
    device: str = CPU,
) -> OssammaRecogniser:
    """Verify a bundle and return its recogniser.

    Args:
        path: a bundle, or the folder of a finished run; None is the bundle of the package.
        settings: how texts are windowed and batched, and what is left out; the defaults suit a
            CPU. Confidences are calibrated if the bundle has a calibration.
        verify: what is checked; "golden" (the default), "hashes" or "metadata".
        backend: what runs the encoder: "auto" (the default) takes the fastest that answers the
            same, which is PyTorch; "torch" or "onnx".
        device: where the model runs, "cpu" (the default), "cuda" or "cuda:N". Golden cases are
            asked where it runs.

    Raises:
        BundleError: not a bundle, or a file is missing, changed, truncated or not listed; or a
            golden case is answered differently here; or it has no graph for the backend.
        ConfigurationError: the settings ask for thresholds that the bundle does not have, or
            `verify` or `backend` is none of the words above, or its library is not installed, or
            there is no such device.
    """
    check = _named(Check, "verify", verify)
    wanted, place = _named(Backend, "backend", backend), device_of(device)
    folder = shipped_bundle() if path is None else resolve(path)
    metadata = read_metadata(folder) if check is Check.METADATA else verify_files(folder)
    model = _load_model(folder, place)
    tokenizer = PieceTokenizer.load(folder)
    if tokenizer.vocab_size > model.config.vocab_size:
        raise BundleError(
            f"{folder}: the tokenizer has {tokenizer.vocab_size} pieces, the model knows only "
            f"{model.config.vocab_size}"
        )
    scorer = _onnx_scorer(folder) if wanted is Backend.ONNX else torch_scorer(model)
    recogniser = OssammaRecogniser(
        model, tokenizer, settings, read_calibration(folder), scorer=scorer
    )
    if check is Check.GOLDEN:
        check_goldens(folder, recogniser, metadata.get("exported_with", {}))
    return recogniser


def _named(kind: type[W], argument: str, name: str) -> W:
    """Return the member of this value."""
    if name not in list(kind):
        raise ConfigurationError(f"{argument} must be one of {', '.join(kind)}, got {name!r}")
    return kind(name)


def _onnx_scorer(folder: Path) -> Scorer:
    """Return what runs the encoder by ONNX Runtime."""
    graph = folder / ONNX_FILE
    if not graph.is_file():
        raise BundleError(
            f"{folder} has no {ONNX_FILE}: make one with `ossamma export RUN --out BUNDLE --onnx`, "
            "or choose the backend torch"
        )
    return OnnxScorer(graph)


def _load_model(folder: Path, place: torch.device) -> OssammaForTokenClassification:
    try:
        with _without_progress_bars():
            # Its annotation does not know that output_loading_info makes it a pair.
            loaded: Any = OssammaForTokenClassification.from_pretrained(
                folder, local_files_only=True, use_safetensors=True, output_loading_info=True
            )
    except (OSError, RuntimeError, TypeError, ValueError, LookupError, SafetensorError) as error:
        raise BundleError(f"{folder}: the model cannot be built from its files: {error}") from error
    model, report = loaded
    wrong = {name: sorted(map(str, found)) for name, found in report.items() if found}
    if wrong:
        raise BundleError(f"{folder}: the weights do not fit the configuration: {wrong}")
    model.to(place)
    assert isinstance(model, OssammaForTokenClassification)
    model.train(mode=False)
    return model


def _write_files(
    folder: Path,
    model: OssammaForTokenClassification,
    tokenizer: PieceTokenizer,
    profile: Profile,
) -> None:
    with _without_progress_bars():
        model.save_pretrained(folder)
    tokenizer.to_transformers(model_max_length=_ANY_LENGTH).save_pretrained(folder)
    tokenizer.save(folder)
    types = [
        {"name": t.name, "description": t.description, "examples": list(t.examples)}
        for t in profile.types
    ]
    content = {"profile": profile.name, "types": types, "tags": list(model.labels.tags)}
    (folder / LABELS_FILE).write_text(
        json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
    )


@contextmanager
def _without_progress_bars() -> Iterator[None]:
    """A bundle is read in no time; transformers would draw a bar for it on everyone's terminal."""
    were_shown = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        if were_shown:
            transformers_logging.enable_progress_bar()
