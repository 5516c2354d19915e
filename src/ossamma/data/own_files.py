"""The user's own files for a build: what each of them is, by its name and content.

A path is a file or a folder of files. What is named outright must be readable; of a folder, files
that cannot be read are left out and listed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from ossamma.data.readers.detect import detect_format
from ossamma.data.readers.layout import split_columns
from ossamma.data.readers.lines import read_bytes
from ossamma.data.readers.registry import FORMATS
from ossamma.data.text.extract import detect_text_format
from ossamma.schema.encoding import split_tag
from ossamma.schema.errors import (
    ConfigurationError,
    DataError,
    FormatError,
    LabelError,
    OssammaError,
)
from ossamma.schema.near_names import near
from ossamma.schema.profile import Profile

MARKED: Final = "marked"
"""A document of any kind with marks written into it."""
UNMARKED: Final = "unmarked"
"""A document of any kind without marks."""
DEFAULT_ANNOTATES: Final = "used"

_RICH: Final = (".pdf", ".docx", ".docm", ".epub", ".html", ".htm", ".xhtml", ".md", ".markdown")
_PLAIN: Final = (".txt", ".text", ".log")
_LABELLED: Final = (".jsonl", ".conll", ".iob", ".iob2", ".bio", ".bioes")
_WHOLE_FOLDERS: Final = ("brat",)
_MARKERS: Final = "inline_markers"
_ONTONOTES: Final = "ontonotes"
_HEAD_BYTES: Final = 2**14
_LEAST_LINES: Final = 2
_HIDDEN: Final = (".", "~$")  # the latter are Word's notes on open files
_NO_DOCUMENT: Final = (
    "its name is neither that of a document nor of labelled data; give it alone, as FILE:FORMAT"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnRequest:
    """What the user adds to a build."""

    labelled: tuple[tuple[Path, str], ...] = ()
    """Files and folders that were marked by hand, with the name of their format; empty where name
    and content shall decide."""
    text: tuple[Path, ...] = ()
    """Files and folders of documents without marks."""
    annotates: str = DEFAULT_ANNOTATES
    """Of which types hand-marked files have every mention marked: `used`, `all`, `none`, or names
    of types with commas between them."""


NOTHING_OWN: Final = OwnRequest()


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnFile:
    """One file of the user, or a folder that is read as a whole."""

    path: Path
    """Where it lies."""
    name: str
    """Unique among the user's files, and the same wherever they lie."""
    file_format: str
    """A reader's name, `MARKED` or `UNMARKED`; empty where there is a fault."""
    is_named: bool = False
    """Named outright, not found in a folder."""
    fault: str = ""
    """Why it cannot be taken, if that is known already."""


def parse_own(text: str) -> tuple[Path, str]:
    """Read PATH or PATH:FORMAT.

    Raises:
        ConfigurationError: there is no such path, but one without what stands behind the colon,
            which is no format.
    """
    name, colon, file_format = text.rpartition(":")
    if colon and file_format in FORMATS:
        return Path(name), MARKED if file_format == _MARKERS else file_format
    if colon and not Path(text).exists() and Path(name).exists():
        raise ConfigurationError(
            f"{text}: expected a format among {', '.join(FORMATS)}, got {file_format!r}"
            + near(file_format, FORMATS)
        )
    return Path(text), ""


def annotated_types(text: str, profile: Profile) -> frozenset[str] | None:
    """Return the types that `OwnRequest.annotates` names; None for those of each file's marks.

    Raises:
        ConfigurationError: a type that the profile does not have.
    """
    types = profile.labels.types
    fixed = {DEFAULT_ANNOTATES: None, "all": frozenset(types), "none": frozenset[str]()}
    if text in fixed:
        return fixed[text]
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in types:
            raise ConfigurationError(
                f"--own-annotates: expected {', '.join(fixed)}, or types of profile "
                f"{profile.name!r} ({', '.join(types)}), got {name!r}{near(name, types)}"
            )
    return frozenset(names)


def list_labelled(request: OwnRequest, out: Path) -> list[OwnFile]:
    """List the hand-marked files in the order given, those of a folder by name.

    What lies below `out` is the build's own and passed over, as are hidden files.

    Raises:
        DataError: no such path, a folder without files, two files of one name.
        ConfigurationError: a folder with a format that does not come in folders.
    """
    files: list[OwnFile] = []
    for path, file_format in request.labelled:
        if not path.is_dir():
            chosen = file_format or _format_of_named(path)
            files.append(OwnFile(path=path, name=path.name, file_format=chosen, is_named=True))
        elif file_format in _WHOLE_FOLDERS:
            name = path.resolve().name
            files.append(OwnFile(path=path, name=name, file_format=file_format, is_named=True))
        elif file_format in ("", MARKED):
            found = _files_below(path, out)
            files += (
                [replace(f, file_format=MARKED, fault="") for f in found] if file_format else found
            )
        else:
            raise ConfigurationError(_no_folder(path, file_format))
    return _unique(files)


def list_text(request: OwnRequest, out: Path) -> list[OwnFile]:
    """List the unmarked documents in the order given, those of a folder by name.

    Raises:
        DataError: as `list_labelled`; also labelled data that is named outright.
    """
    files: list[OwnFile] = []
    for path in request.text:
        if path.is_dir():
            files += map(_as_text, _files_below(path, out))
            continue
        file = OwnFile(path=path, name=path.name, file_format=format_of(path) or MARKED)
        file = replace(_as_text(file), is_named=True)
        if file.fault:
            raise DataError(f"{path}: expected a document without marks, got {file.fault}")
        files.append(file)
    return _unique(files)


def format_of(path: Path) -> str:
    """Tell the format of a file by its name, and of `.txt` by its content; empty if unknown.

    Plain text whose first lines all end in a tag is a file of columns, and one that begins with a
    JSON object is JSON lines: read as documents, both would be nonsense.

    Raises:
        DataError: a file whose content is needed and cannot be read.
    """
    suffix = path.suffix.lower()
    if suffix in _LABELLED:
        return detect_format(path)
    if suffix in _PLAIN:
        head = _head(path)
        if head.lstrip().startswith("{") and detect_format(path) == "jsonl":
            return "jsonl"
        return "conll" if _is_columns(head) else MARKED
    return MARKED if suffix in _RICH else ""


def reason_of(error: OssammaError, path: Path) -> str:
    """Return what an error says, without the path, which differs from machine to machine."""
    if isinstance(error, FormatError) and error.source == str(path):
        where = "" if error.line is None else f"line {error.line}: "
        return f"{where}expected {error.expected}, got {error.got}"
    return str(error).removeprefix(f"{path}:").strip().replace(str(path), path.name)


def _format_of_named(path: Path) -> str:
    """Tell the format of a file that must have one: what is no document is labelled data."""
    known = format_of(path)
    if known or not path.is_file():
        return known or detect_format(path)  # which says that there is no such file
    is_text = detect_text_format(path) in {"plain", "markdown"}
    return detect_format(path) if is_text else MARKED


def _as_text(file: OwnFile) -> OwnFile:
    """Make an unmarked document of a file, unless it holds labelled data."""
    if file.fault or file.file_format == MARKED:
        return file if file.fault else replace(file, file_format=UNMARKED)
    fault = f"labelled data ({file.file_format}); give it with --own"
    return replace(file, file_format="", fault=fault)


def _files_below(folder: Path, out: Path) -> list[OwnFile]:
    outside = out.resolve()
    files = []
    for path in sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).as_posix()):
        way = path.relative_to(folder)
        is_hidden = any(part.startswith(_HIDDEN) for part in way.parts)
        if path.is_file() and not is_hidden and outside not in path.resolve().parents:
            files.append(_found(path, f"{folder.resolve().name}/{way.as_posix()}"))
    if not files:
        raise DataError(f"{folder}: expected a folder with documents, got one without any file")
    return files


def _found(path: Path, name: str) -> OwnFile:
    try:
        file_format = format_of(path)
    except DataError as error:
        return OwnFile(path=path, name=name, file_format="", fault=reason_of(error, path))
    fault = "" if file_format else _NO_DOCUMENT
    return OwnFile(path=path, name=name, file_format=file_format, fault=fault)


def _head(path: Path) -> str:
    """Return the first lines of a file, whole ones if it has line ends at all."""
    try:
        with path.open("rb") as file:
            raw = file.read(_HEAD_BYTES)
    except (OSError, ValueError):
        raw = read_bytes(path)  # which has the words for what is wrong
    head = raw.decode("utf-8", errors="replace")
    return head if len(raw) < _HEAD_BYTES else head[: head.rfind("\n")]


def _is_columns(head: str) -> bool:
    """Whether every line has two columns or more, and a tag in the last."""
    lines = [line for line in head.split("\n") if line.strip() and not line.startswith("#")]
    return len(lines) >= _LEAST_LINES and all(map(_is_tagged, lines))


def _is_tagged(line: str) -> bool:
    columns = split_columns(line.rstrip("\r"))
    try:
        split_tag(columns[-1] if columns else "")
    except LabelError:
        return False
    return len(columns) > 1


def _unique(files: list[OwnFile]) -> list[OwnFile]:
    """Refuse two files of one name, by which their documents and groups are called."""
    paths: dict[str, Path] = {}
    for file in files:
        other = paths.setdefault(file.name, file.path)
        if other is not file.path:
            raise DataError(
                f"{file.path}: expected files of different names, got {file.name} as {other} too; "
                "rename one, for documents and groups are called by it"
            )
    return files


def _no_folder(path: Path, file_format: str) -> str:
    if file_format == _ONTONOTES:
        return (
            f"{path}: OntoNotes has labels and parts of its own; give its folder with --ontonotes"
        )
    return (
        f"{path}: expected a file of the format {file_format!r}, got a folder; give its files one "
        "by one"
    )
