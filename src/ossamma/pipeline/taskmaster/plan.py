"""What a run is asked to do: every option, checked at birth, in a form that status.json keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from ossamma.pipeline.taskmaster.phases import RunBackend
from ossamma.schema.errors import CheckpointError, ConfigurationError


@dataclass(frozen=True, kw_only=True, slots=True)
class RunPlan:
    """Options of a run. Paths are texts, for the plan is written to status.json."""

    profile: str
    """Name or folder of a profile."""
    backend: RunBackend = RunBackend.NATIVE
    """Who trains."""
    built: str | None = None
    """A built set that takes the place of building one."""
    data: str = "data"
    """Folder of the fetched data sets."""
    mirror: str | None = None
    """A local mirror to fetch from."""
    policy: str | None = None
    """A build policy in place of the profile's."""
    own: tuple[str, ...] = ()
    """Hand-marked files, as PATH or PATH:FORMAT."""
    any_licence: bool = False
    """Take data sets that may not be passed on."""
    offline: bool = False
    """Stay off the network."""
    preset: str | None = None
    """Size of the native model."""
    recipe: str | None = None
    """YAML with settings of the native model."""
    init: str | None = None
    """Checkpoint that the native model starts from."""
    settings: tuple[str, ...] = ()
    """Single settings: of the recipe, or of spaCy's configuration."""
    config: str | None = None
    """spaCy's configuration in place of a generated one."""
    model: str | None = None
    """spaCy's encoder: folder or name on a hub."""
    vram: float | None = None
    """GiB of the GPU that spaCy's configuration is made for; None finds out."""
    cpu: bool = False
    """spaCy trains without a GPU."""
    gpu_id: int = -1
    """Number of the GPU; -1 is none."""
    balance: bool = False
    """spaCy reads documents with rare types more often."""
    seed: int | None = None
    """Of weights and order; None leaves it to the recipe or the configuration."""
    gates: str | None = None
    """Gates in place of the profile's."""
    incumbent: str | None = None
    """Report of the model in use."""
    despite_gates: bool = False
    """Package a model that fails its gates, too."""
    notify: tuple[str, ...] = ()
    """Apprise's addresses that are told how it ended; they are not kept in status.json."""

    def __post_init__(self) -> None:
        of_native = ("preset", "recipe", "init")
        of_spacy = ("config", "model", "vram", "cpu", "balance")
        foreign = of_spacy if self.backend is RunBackend.NATIVE else of_native
        given = [name for name in foreign if getattr(self, name)]
        if given:
            options = ", ".join(f"--{name.replace('_', '-')}" for name in given)
            raise ConfigurationError(
                f"{options}: not of the backend {self.backend}; leave it out, or choose the other "
                "--backend"
            )
        if self.built and (self.policy or self.own or self.any_licence):
            raise ConfigurationError(
                "--built is a set that is built already; leave out --policy, --own, --any-licence"
            )

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON types, without addresses, which hold secrets."""
        content = asdict(self)
        del content["notify"]
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in content.items()
        }


def plan_from(content: Mapping[str, Any], *, notify: tuple[str, ...] = ()) -> RunPlan:
    """Return the plan that status.json has kept.

    Raises:
        CheckpointError: it is of another version.
    """
    known = {field.name for field in fields(RunPlan)}
    if not set(content) <= known:
        strangers = ", ".join(sorted(set(content) - known))
        raise CheckpointError(
            f"the plan in status.json has {strangers}, which this version does not know; give the "
            "options again, without --resume"
        )
    stated: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in content.items()}
    return RunPlan(**stated | {"backend": RunBackend(content["backend"]), "notify": notify})
