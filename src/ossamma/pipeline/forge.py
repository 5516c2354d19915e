"""A training set from a profile's name: policy, lexicons, build, and the formats asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from importlib import import_module
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final

from ossamma.data.autolabel.labeller import Labeller
from ossamma.data.autolabel.rules import read_lexicon_rules, read_patterns
from ossamma.data.autolabel.sources import build_lexicon
from ossamma.data.build import BuildProgress, BuildRequest, build
from ossamma.data.catalog import Redistribution, load_card
from ossamma.data.download import Downloader
from ossamma.data.fetch import fetch
from ossamma.data.policy import BuildPolicy, load_policy
from ossamma.data.readers.jsonl import stream_jsonl
from ossamma.data.split import PRIORITY
from ossamma.data.writers.conll import ConllOutput, write_conll
from ossamma.data.writers.parquet import write_parquet
from ossamma.schema.errors import DataError
from ossamma.schema.profile import PROFILES_PACKAGE, Profile, load_profile
from ossamma.schema.spans import Document
from ossamma.tokenization.words import split_words

LEXICONS_FILE: Final = "lexicons.yaml"
PATTERNS_FILE: Final = "patterns.yaml"


@dataclass(frozen=True, kw_only=True, slots=True)
class ForgeRequest:
    """What to build, by names and paths."""

    profile: str
    """Name or folder of a profile."""
    out: Path
    """The folder of the built set."""
    data: Path
    """The folder of fetched data sets."""
    mirror: Path | None = None
    """A local mirror to fetch from."""
    policy: Path | None = None
    """A build policy in place of the profile's own."""
    own_files: tuple[tuple[Path, str], ...] = ()
    """Further files, with the name of their format."""
    any_licence: bool = False
    """Take data sets whatever their licence; what comes of it is for measurements only."""
    formats: tuple[str, ...] = ()
    """What to write beside JSON lines: conll, parquet, spacy."""


def forge(
    request: ForgeRequest, progress: BuildProgress, client: Downloader | None
) -> dict[str, Any]:
    """Build the training set and return its card.

    Raises:
        ProfileError, DataError, FormatError, ConfigurationError: what `build` raises.
    """
    profile = load_profile(request.profile)
    policy = load_policy(request.profile, request.policy)
    if request.any_licence:
        policy = replace(policy, licences=frozenset(Redistribution))
    content = build(
        BuildRequest(
            profile=profile,
            policy=policy,
            data=request.data,
            out=request.out,
            mirror=request.mirror,
            client=client,
            own_files=request.own_files,
            marker=_labeller_maker(request, policy, progress, client),
            circumstances=_fingerprint(_folder(request.profile)),
        ),
        progress,
    )
    for number, output in enumerate(request.formats):
        progress.step(f"writing {output}", number, len(request.formats))
        _WRITE[output](request.out, profile)
    return content


def _labeller_maker(
    request: ForgeRequest,
    policy: BuildPolicy,
    progress: BuildProgress,
    client: Downloader | None,
) -> Callable[[], Labeller] | None:
    """Return what makes the profile's labeller, if it has lexicons."""
    folder = _folder(request.profile)
    lexicons, patterns = folder.joinpath(LEXICONS_FILE), folder.joinpath(PATTERNS_FILE)
    if not lexicons.is_file():
        return None

    def make() -> Labeller:
        for name in policy.knowledge:
            card = load_card(name)
            fetch(card, request.data, client=client, mirror=request.mirror, progress=progress)
        lexicon, _ = build_lexicon(read_lexicon_rules(lexicons), request.data)
        return Labeller(lexicon, read_patterns(patterns) if patterns.is_file() else ())

    return make


def _folder(profile: str) -> Traversable:
    shipped = files(PROFILES_PACKAGE).joinpath(profile)
    return shipped if shipped.is_dir() else Path(profile)


def _fingerprint(folder: Traversable) -> str:
    """Return a hash of every file of a profile: names, tables, rules, lexicons and patterns."""
    digest = blake2b(digest_size=16)
    for name, content in sorted(_contents(folder, "")):
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def _contents(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    if folder.is_file():  # a profile may be one file
        yield folder.name, folder.read_bytes()
        return
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _contents(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith((".yaml", ".yml", ".txt")):
            yield prefix + entry.name, entry.read_bytes()


def _splits(out: Path) -> Iterator[tuple[str, Iterator[Document]]]:
    """Yield the splits that hold a document, with their documents."""
    for split in PRIORITY:
        path = out / f"{split}.jsonl"
        if path.stat().st_size:
            yield split, stream_jsonl(path)


def _write_conll(out: Path, _profile: Profile) -> None:
    for split, documents in _splits(out):
        write_conll(out / f"{split}.conll", documents, ConllOutput(split_words=split_words))


def _write_parquet(out: Path, _profile: Profile) -> None:
    for split, documents in _splits(out):
        write_parquet(out / f"{split}.parquet", documents)


def _write_spacy(out: Path, profile: Profile) -> None:
    # spaCy is an extra of its own, and loads torch: only who asks for it needs it.
    docbin = import_module("ossamma.data.writers.docbin")
    types = frozenset(profile.labels.types)
    settings = docbin.DocBinOutput(split_words=split_words, types=types)
    for split, documents in _splits(out):
        docbin.write_docbin(out / f"{split}.spacy", documents, settings)


_WRITE: Final[dict[str, Callable[[Path, Profile], None]]] = {
    "conll": _write_conll,
    "parquet": _write_parquet,
    "spacy": _write_spacy,
}


def check_folder(out: Path, names: Sequence[str]) -> None:
    """Refuse to build into a folder that holds something else.

    Raises:
        DataError: the folder holds files, and none of them is a build's.
    """
    if out.exists() and not out.is_dir():
        raise DataError(f"{out} is a file; expected a folder for the built set")
    if out.is_dir() and any(out.iterdir()) and not any((out / name).exists() for name in names):
        raise DataError(f"{out} is not empty and not a built set; give a new folder")
