"""A release: the bundle of a run, made small and self-contained, written anew.

What only training needs stays behind: the boundary head here, and in the run its checkpoints, the
state of the optimiser and the language-model head.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ossamma.export.manifest import (
    CARD_FILE,
    CONFIG_FILE,
    GATES_FILE,
    GOLDEN_FILE,
    ONNX_FILE,
    ONNX_GOLDEN_FILE,
    REFERENCE_FILE,
    WEIGHTS_FILE,
    own_version,
    seal,
    stated_facts,
    verify,
)
from ossamma.export.new_folder import new_folder
from ossamma.model.modeling import OssammaForTokenClassification
from ossamma.model.packed_weights import WeightForm, pack, unpack, write_weights
from ossamma.schema.errors import BundleError

_REWRITTEN = frozenset(
    {
        CARD_FILE,
        CONFIG_FILE,
        GATES_FILE,
        GOLDEN_FILE,
        ONNX_FILE,
        ONNX_GOLDEN_FILE,
        REFERENCE_FILE,
        WEIGHTS_FILE,
    }
)
"""Files of a release: where the source is one itself, its own are not true of the new one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseContent:
    """What a release holds beside the files of the bundle that it is made of."""

    form: WeightForm = WeightForm.FP32
    """How the weights are stored."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Further entries of metadata.json."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """Further files; one of the bundle's own names replaces that file."""
    sign: Callable[[Path], None] | None = None
    """Signs the folder once it is sealed; see `ossamma.export.signature`."""


def as_released(
    model: OssammaForTokenClassification, form: WeightForm
) -> OssammaForTokenClassification:
    """Return the model as it will be when a release in this form is loaded.

    Raises:
        BundleError: weights that the form cannot hold.
    """
    released = deepcopy(model)
    released.head.boundaries = None
    released.config.boundary_head = False
    released.load_state_dict(unpack(pack(released.state_dict(), form)))
    return released


def write_release(
    source: Path, folder: Path, model: OssammaForTokenClassification, content: ReleaseContent
) -> dict[str, Any]:
    """Write a release and return its metadata; `folder` is complete or not there.

    Tokenizer, labels and calibration are those of the source, byte by byte.

    Args:
        source: the bundle that it is made of; verified.
        folder: where it goes; nothing may be there yet.
        model: the result of `as_released`.
        content: what else goes in.

    Raises:
        BundleError: the source is not intact, or something stands at `folder`.
    """
    assert not model.config.boundary_head, "as_released leaves the boundary head out"
    metadata = verify(source)
    refuse_occupied(folder)
    if source.resolve() in folder.resolve().parents:
        raise BundleError(f"{folder} lies inside the bundle {source}; expected it elsewhere")
    with new_folder(folder) as fresh:
        for name in sorted(set(metadata["files"]) - _REWRITTEN - set(content.files)):
            shutil.copyfile(source / name, fresh / name)
        model.config.save_pretrained(fresh)
        write_weights(fresh / WEIGHTS_FILE, model.state_dict(), content.form)
        for name, data in content.files.items():
            (fresh / name).write_bytes(data)
        seal(
            fresh,
            {
                **stated_facts(metadata),
                **content.facts,
                "version": own_version(),
                "num_parameters": sum(p.numel() for p in model.parameters()),
                "weights": content.form.value,
                "source_checksum": metadata["checksum"],
                "exported_at": datetime.now(UTC).isoformat(timespec="seconds"),
            },
        )
        if content.sign is not None:
            content.sign(fresh)
        return verify(fresh)


def refuse_occupied(folder: Path) -> None:
    """Raise BundleError where something stands at `folder`."""
    if folder.exists() or folder.is_symlink():
        raise BundleError(f"{folder} exists; expected a new folder for the release")
