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

from ossamma.data.autolabel.labeller import Labeller, load_labeller
from ossamma.data.autolabel.rules import LEXICONS_FILE
from ossamma.data.build import BuildProgress, BuildRequest, build, remove_work
from ossamma.data.catalog import Redistribution, load_card
from ossamma.data.download import Downloader
from ossamma.data.fetch import fetch
from ossamma.data.own_files import NOTHING_OWN, OwnRequest
from ossamma.data.policy import POLICY_FILE, BuildPolicy, load_policy
from ossamma.data.readers.jsonl import stream_jsonl
from ossamma.data.split import PRIORITY
from ossamma.data.writers.conll import ConllOutput, write_conll
from ossamma.data.writers.parquet import write_parquet
from ossamma.schema.errors import DataError, OssammaError
from ossamma.schema.profile import PROFILES_PACKAGE, load_profile
from ossamma.schema.spans import Document
from ossamma.tokenization.words import split_words


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
    own: OwnRequest = NOTHING_OWN
    """Files of the user."""
    ontonotes: Path | None = None
    """The user's licensed copy of OntoNotes 5."""
    any_licence: bool = False
    """Take data sets whatever their licence; what comes of it is for measurements only."""
    formats: tuple[str, ...] = ()
    """What to write beside JSON lines: conll, parquet, spacy."""
    remove_work: bool = False
    """Delete the intermediate files in the end; the next build begins anew."""


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
            own=request.own,
            ontonotes=request.ontonotes,
            marker=_labeller_maker(request, policy, progress, client),
            circumstances=profile_fingerprint(request.profile),
        ),
        progress,
    )
    _write_all(request, progress)
    if request.remove_work:
        remove_work(request.out)
    return content


def _write_all(request: ForgeRequest, progress: BuildProgress) -> None:
    """Write every format; what one of them cannot hold does not keep back the others."""
    failed: list[tuple[str, OssammaError]] = []
    for number, output in enumerate(request.formats):
        progress.step(f"writing {output}", number, len(request.formats))
        try:
            _WRITE[output](request.out)
        except OssammaError as error:
            failed.append((output, error))
    if failed:
        names = ", ".join(output for output, _ in failed)
        raise DataError(f"{failed[0][1]}; not written: {names}, all else of the build stands")


def _labeller_maker(
    request: ForgeRequest,
    policy: BuildPolicy,
    progress: BuildProgress,
    client: Downloader | None,
) -> Callable[[], Labeller] | None:
    """Return what makes the profile's labeller, if it has lexicons."""
    folder = _folder(request.profile)
    if not folder.joinpath(LEXICONS_FILE).is_file():
        return None

    def make() -> Labeller:
        for name in _knowledge(request, policy):
            card = load_card(name)
            fetch(card, request.data, client=client, mirror=request.mirror, progress=progress)
        return load_labeller(folder, request.data)

    return make


def _knowledge(request: ForgeRequest, policy: BuildPolicy) -> Sequence[str]:
    """Return the cards of what the lexicons are made of: a policy that names none means these."""
    own = _folder(request.profile).joinpath(POLICY_FILE)
    if policy.knowledge or request.policy is None or not own.is_file():
        return policy.knowledge
    return load_policy(request.profile).knowledge


def _folder(profile: str) -> Traversable:
    shipped = files(PROFILES_PACKAGE).joinpath(profile)
    return shipped if shipped.is_dir() else Path(profile)


def profile_fingerprint(profile: str) -> str:
    """Return a hash of every file of a profile: names, tables, rules, lexicons and patterns."""
    digest = blake2b(digest_size=16)
    for name, content in sorted(_contents(_folder(profile), "")):
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


def _write_conll(out: Path) -> None:
    for split, documents in _splits(out):
        # Some sources have words with a space inside, which columns cannot hold.
        settings = ConllOutput(split_words=split_words, on_space="split")
        write_conll(out / f"{split}.conll", documents, settings)


def _write_parquet(out: Path) -> None:
    for split, documents in _splits(out):
        write_parquet(out / f"{split}.parquet", documents)


def _write_spacy(out: Path) -> None:
    # spaCy is an extra of its own, and loads torch: only who asks for it needs it.
    docbin = import_module("ossamma.data.writers.docbin")
    # Without any word that is outside spaCy would learn to see entities everywhere.
    settings = docbin.DocBinOutput(split_words=split_words, outside="if_annotated")
    for split, documents in _splits(out):
        docbin.write_docbin(out / f"{split}.spacy", documents, settings)


_WRITE: Final[dict[str, Callable[[Path], None]]] = {
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
