"""RunFamily: training runs on the same files that differ in a few settings and in their folder."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ossamma.export.manifest import WEIGHTS_FILE, sha256
from ossamma.pipeline.corpora import Split, read_splits
from ossamma.pipeline.initialise import resolve_checkpoint
from ossamma.pipeline.preflight import check_libraries, check_splits
from ossamma.pipeline.recipe import Recipe, build_recipe
from ossamma.pipeline.run_folder import differences
from ossamma.pipeline.train_run import TrainRequest
from ossamma.schema.errors import CheckpointError
from ossamma.schema.profile import Profile


@dataclass(frozen=True, kw_only=True, slots=True)
class RunFamily:
    """What all runs of a search or an ablation have in common: the options of `ossamma train`."""

    profile: str
    """Name or path of a profile, or "native"."""
    train: Path
    """The training file."""
    dev: Path
    """The file that chooses the best epoch."""
    test: Path | None = None
    """A file scored once, at the end; a search has none."""
    preset: str | None = None
    """A named size."""
    recipe_file: Path | None = None
    """YAML with settings."""
    assignments: tuple[str, ...] = ()
    """Settings as `section.name=value`; they win over the file."""
    init: Path | None = None
    """A checkpoint whose encoder to start from."""
    table: str | None = None
    """The profile's label map for the files; None chooses by their labels."""
    file_format: str = "auto"
    """Format of the files: "auto", "conll" or "jsonl"."""

    def recipe(self, further: Sequence[str] = ()) -> Recipe:
        """Return the recipe with further assignments, which win over all else."""
        return build_recipe(
            preset=self.preset,
            file=self.recipe_file,
            assignments=[*self.assignments, *further],
            pretrained=self.init is not None,
        )

    def request(self, out: Path, further: Sequence[str] = (), *, resume: bool) -> TrainRequest:
        """Return the run with further assignments, in its own folder."""
        return TrainRequest(
            profile=self.profile,
            train=self.train,
            dev=self.dev,
            test=self.test,
            out=out,
            recipe=self.recipe(further),
            init=self.init,
            table=self.table,
            file_format=self.file_format,
            resume=resume,
        )

    def read(self) -> tuple[Profile, Mapping[str, Split], list[str]]:
        """Read the files once, before any run, so that their faults end the whole at once.

        Returns:
            the profile, the splits, and warnings.

        Raises:
            ConfigurationError, DataError, FormatError, ProfileError: no run could start.
        """
        check_libraries()
        files = {"train": self.train, "dev": self.dev, "test": self.test}
        profile, splits = read_splits(
            self.profile,
            {name: path for name, path in files.items() if path is not None},
            table=self.table,
            file_format=self.file_format,
        )
        return profile, splits, check_splits(profile, splits)

    def identity(self, further: Sequence[str] = ()) -> dict[str, Any]:
        """What must be the same for two runs to be the same: contents, not paths."""
        files = {"train": self.train, "dev": self.dev, "test": self.test}
        return {
            "profile": self.profile,
            "table": self.table,
            "format": self.file_format,
            "files": {
                name: hashlib.sha256(path.read_bytes()).hexdigest()
                for name, path in files.items()
                if path is not None
            },
            "init": sha256(resolve_checkpoint(self.init) / WEIGHTS_FILE) if self.init else None,
            "recipe": self.recipe(further).to_json(),
        }


def refuse_other(before: Mapping[str, Any], now: Mapping[str, Any], *, what: str) -> None:
    """Refuse to go on with something that was begun otherwise.

    Raises:
        CheckpointError: naming every difference.
    """
    different = differences(dict(before), dict(now))
    if different:
        raise CheckpointError(
            f"{what} was begun with other options or files: {'; '.join(different)}. Give the same "
            "again, or choose another --out"
        )
