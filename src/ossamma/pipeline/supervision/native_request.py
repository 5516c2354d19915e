"""What a supervised native training run was asked for, in a form that goes through a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ossamma.pipeline.labelled import AUTO
from ossamma.pipeline.recipe import Recipe, build_recipe
from ossamma.pipeline.run_folder import write_json
from ossamma.pipeline.train_run import TrainRequest


@dataclass(frozen=True, kw_only=True, slots=True)
class NativeJob:
    """Files and settings of a run of `ossamma train`, by their names."""

    profile: str
    """Name or path of a profile, or "native"."""
    train: str
    """Path of the training file."""
    dev: str
    """Path of the file that chooses the best epoch."""
    test: str | None = None
    """Path of a file that is scored once, at the end."""
    preset: str | None = None
    """A named size."""
    recipe: str | None = None
    """Path of a YAML file with settings."""
    assignments: tuple[str, ...] = ()
    """`section.name=value`; these win."""
    init: str | None = None
    """Path of a checkpoint whose encoder to start from."""
    table: str | None = None
    """The profile's label map; None chooses by the labels."""
    file_format: str = AUTO
    """Format of the files."""

    def resolved(self) -> Recipe:
        """Return all settings.

        Raises:
            ConfigurationError: an unknown or impossible setting.
        """
        return build_recipe(
            preset=self.preset,
            file=Path(self.recipe) if self.recipe else None,
            assignments=self.assignments,
            pretrained=self.init is not None,
        )

    def divided(self, batch_size: int, accumulation: int) -> NativeJob:
        """Return the same job with batches of another size."""
        more = (
            f"training.batch_size={batch_size}",
            f"training.gradient_accumulation_steps={accumulation}",
        )
        return replace(self, assignments=(*self.assignments, *more))

    def request(self, out: Path, *, resume: bool) -> TrainRequest:
        """Return the request of the run in a folder."""
        return TrainRequest(
            profile=self.profile,
            train=Path(self.train),
            dev=Path(self.dev),
            test=Path(self.test) if self.test else None,
            out=out,
            recipe=self.resolved(),
            init=Path(self.init) if self.init else None,
            table=self.table,
            file_format=self.file_format,
            resume=resume,
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {**asdict(self), "assignments": list(self.assignments)}


def write_job(path: Path, job: NativeJob, *, out: Path, resume: bool) -> None:
    """Write what `read_job` reads."""
    write_json(path, {"job": job.to_json(), "out": str(out), "resume": resume})


def read_job(path: Path) -> TrainRequest:
    """Read a request back."""
    content: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    stated = content["job"] | {"assignments": tuple(content["job"]["assignments"])}
    return NativeJob(**stated).request(Path(content["out"]), resume=content["resume"])
