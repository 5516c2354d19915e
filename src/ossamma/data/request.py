"""What a build is asked for, and what it tells and calls while it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ossamma.data.download import Downloader, Progress
from ossamma.data.own_files import NOTHING_OWN, OwnRequest
from ossamma.data.policy import BuildPolicy
from ossamma.schema.profile import Profile
from ossamma.schema.spans import Document


class BuildProgress(Progress, Protocol):
    """What a caller may want to know while a build runs."""

    def step(self, title: str, done: int, total: int) -> None:
        """A step begins: the number `done` of `total`."""
        ...


class Marker(Protocol):
    """Marks unlabelled text; see `autolabel.labeller.Labeller`."""

    def label_documents(self, documents: Iterable[Document]) -> Iterable[Document]:
        """Add marks to documents, one at a time."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildRequest:
    """What to build, from where, and where it goes."""

    profile: Profile
    """The types wanted."""
    policy: BuildPolicy
    """Which data sets, and how."""
    data: Path
    """The folder of fetched data sets; what is missing there is fetched."""
    out: Path
    """The folder of the built set."""
    mirror: Path | None = None
    """A local mirror to fetch from."""
    client: Downloader | None = None
    """What downloads; None to stay off the network."""
    own: OwnRequest = NOTHING_OWN
    """Files of the user."""
    ontonotes: Path | None = None
    """The user's licensed copy of OntoNotes 5, which is then taken whatever the policy says."""
    marker: Callable[[], Marker] | None = None
    """Makes the automatic labeller, once, when a source asks for it."""
    circumstances: str = ""
    """A fingerprint of the profile, the lexicons and the patterns."""
