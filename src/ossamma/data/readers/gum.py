"""GUM and GENTLE (CoNLL-U with nested mentions in MISC) to documents.

`# newdoc id = ..` begins a document. The text has the original spacing as far as the file keeps
it: `SpaceAfter=No` within and between sentences, a line feed before each `# newpar`; every sentence
is compared with its `# text = ..`. Words are the file's words; the parts of a contraction ("do" +
"n't") are words of their own if together they spell it, else the contraction is one word.

`Entity=(1-person-..-Ada_Lovelace(2-place-..)` opens mentions, `Entity=2)1)` closes them; the
comment `# global.Entity = ..` names the fields. Mentions are nested, and most are common nouns and
pronouns: `GumFormat` says which are kept. What is not kept is counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, NamedTuple

from ossamma.data.readers.corpus import Corpus, LeftOut, make_corpus
from ossamma.data.readers.limits import ReadLimits, lines_within
from ossamma.data.readers.lines import shown
from ossamma.data.readers.names import UniqueNames
from ossamma.data.readers.standoff import Mark, StandoffFormat, annotate, check_choice, types_of
from ossamma.schema.errors import DataError, FormatError
from ossamma.schema.spans import Document, Provenance, Span

_COMMENT: Final = re.compile(r"#\s*(newdoc|newpar|text|global\.Entity)(?: id)?\s*(?:=\s?(.*))?")
_ID: Final = re.compile(r"([1-9]\d{0,8})(?:-(\d{1,9}))?")
_EMPTY_NODE: Final = re.compile(r"\d{1,9}\.\d{1,9}")
# The look behind keeps a long run without brackets from being tried at each of its characters.
_BRACKET: Final = re.compile(r"\(([^()]+)(\)?)|(?<![^()])([^()]+)\)")
_MAX_DEPTH: Final = 1000
_MASK: Final = re.compile(r"_+")
_KEEP: Final[Mapping[str, Literal["longest", "shortest"]]] = {
    "outermost": "longest",
    "innermost": "shortest",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class GumFormat(ReadLimits):
    """How to read GUM."""

    only_proper: bool = True
    """Keep named mentions only: the head is a proper noun (PROPN), or the mention is linked to an
    article and one of its minimal words is a proper noun. (The link alone also marks pronouns.)"""
    keep: Literal["outermost", "innermost"] = "outermost"
    """Which of nested mentions stays, after the choice of named ones."""
    on_masked: Literal["raise", "skip"] = "raise"
    """What becomes of a document whose words are masked by underscores (Reddit's)."""

    def __post_init__(self) -> None:
        ReadLimits.__post_init__(self)
        check_choice("keep", self.keep, tuple(_KEEP))
        check_choice("on_masked", self.on_masked, ("raise", "skip"))


DEFAULT_GUM: Final = GumFormat()


class _Row(NamedTuple):
    """One word of the file: what the columns say."""

    line: int
    number: int
    form: str
    upos: str
    head: int
    misc: dict[str, str]


class _Unit(NamedTuple):
    """What stands in the text in one piece: a word, or a contraction of several."""

    form: str
    space: str
    rows: list[_Row]


class _Sentence(NamedTuple):
    """A sentence, with the line of its first word."""

    line: int
    comments: dict[str, str]
    units: list[_Unit]


class _Token(NamedTuple):
    """A word in its document; `number` and `head` count within its sentence, from 1."""

    sentence: int
    number: int
    upos: str
    head: int
    place: Span


class _Mention(NamedTuple):
    """A mention that began at token `first` of its document."""

    line: int
    first: int
    fields: dict[str, str]


@dataclass(slots=True)
class _Draft:
    """A document in the making: its text comes in pieces, its mentions with their last token."""

    name: str
    line: int
    pieces: list[str] = field(default_factory=list)
    length: int = 0
    words: list[Span] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    tokens: list[_Token] = field(default_factory=list)
    mentions: list[tuple[_Mention, int]] = field(default_factory=list)
    unfinished: list[_Mention] = field(default_factory=list)
    field_names: tuple[str, ...] = ()

    def write(self, piece: str) -> Span:
        """Add to the text."""
        start = self.length
        self.pieces.append(piece)
        self.length += len(piece)
        return Span(start, self.length)


def read_gum(path: str | Path, settings: GumFormat = DEFAULT_GUM) -> Corpus:
    """Read a file. Documents are called by `# newdoc id`, or `<file stem>-<n>` without one.

    With on_masked "skip" a file may give no document at all; the report says so.

    Raises:
        FormatError: a faulty line, by its number; a sentence that is not its `# text`; a mention
            that never ends (the file was cut off); masked words.
        DataError: a file that is not there, or has no sentence.
    """
    path = Path(path)
    left_out = LeftOut()
    names = UniqueNames(path)
    documents: list[Document] = []
    drafts = _drafts(path, lines_within(path, settings))
    for draft in drafts:
        names.add(draft.name, draft.line)
        if draft.unfinished:
            mention = draft.unfinished[-1]
            expected = "every mention to end in its document"
            raise _fault(path, mention.line, expected, f"{mention.fields['GRP']} without an end")
        if not _is_masked(draft):
            documents.append(_document(path, draft, settings, left_out))
        elif settings.on_masked == "raise":
            got = (
                "underscores; fill them in with the corpus's own get_text.py, or choose "
                'on_masked "skip"'
            )
            raise FormatError(path, draft.line, expected=f"the words of {draft.name}", got=got)
        else:
            left_out.add(draft.line, "a document whose words are masked")
    if not drafts:
        raise DataError(f"{path}: no sentence in the file; expected CoNLL-U")
    return make_corpus(path, "gum", documents, left_out)


def read_gum_folder(path: str | Path, settings: GumFormat = DEFAULT_GUM) -> Iterator[Corpus]:
    """Read all `*.conllu` of a folder one by one, in the order of their names.

    Raises:
        DataError: no folder, or no such file in it; at once, not when the first is read.
        FormatError: as `read_gum`, when the file is reached.
    """
    folder = Path(path)
    files = sorted(folder.glob("*.conllu"))
    if not files:
        raise DataError(f"{folder}: no .conllu file in it; give GUM's folder dep/")
    return (read_gum(file, settings) for file in files)


def _drafts(path: Path, lines: Sequence[str]) -> list[_Draft]:
    """Divide the sentences among documents."""
    drafts: list[_Draft] = []
    for sentence in _sentences(path, lines):
        comments = sentence.comments
        if not drafts or "newdoc" in comments:
            name = comments.get("newdoc") or f"{path.stem}-{len(drafts) + 1}"
            drafts.append(_Draft(name, sentence.line))
        draft = drafts[-1]
        if "global.Entity" in comments:
            draft.field_names = tuple(comments["global.Entity"].split("-"))
        if draft.pieces and "newpar" in comments:
            if draft.pieces[-1] == " ":
                draft.pieces[-1] = "\n"
            else:
                draft.write("\n")
        first_token = len(draft.tokens)
        _add_words(path, draft, sentence)
        rows = [row for unit in sentence.units for row in unit.rows]
        for token, row in enumerate(rows, start=first_token):
            if "Entity" in row.misc:
                _add_brackets(path, draft, row, token)
    return drafts


def _sentences(path: Path, lines: Sequence[str]) -> Iterator[_Sentence]:
    comments: dict[str, str] = {}
    body: list[tuple[int, str]] = []
    for number, line in enumerate([*lines, ""], start=1):
        if line.startswith("#"):
            match = _COMMENT.fullmatch(line)
            if match:
                comments[match[1]] = (match[2] or "").strip(" ")
        elif line.strip():
            body.append((number, line))
        elif body:
            yield _Sentence(body[0][0], comments, _units(path, body))
            comments, body = {}, []


def _units(path: Path, body: Sequence[tuple[int, str]]) -> list[_Unit]:
    """Read the lines of a sentence; empty nodes (8.1) are no words of the text."""
    units: list[_Unit] = []
    word = last = 0  # numbers: of the word read last, and of the last one of a contraction
    for line, cells in _lines_of_words(path, body):
        match = _ID.fullmatch(cells[0])
        good = match is not None and int(match[1]) == word + 1
        if match is None or not good or (match[2] and not last <= word < int(match[2]) - 1):
            raise _fault(path, line, f"the id {word + 1} or a range that begins so", cells[0])
        misc = dict(_pair(item) for item in cells[9].split("|"))
        space = "" if misc.get("SpaceAfter") == "No" else " "
        if match[2]:
            last = int(match[2])
            units.append(_Unit(cells[1], space, []))
            continue
        word += 1
        row = _Row(line, word, cells[1], cells[3], _head(path, line, cells[6]), misc)
        if word <= last:
            units[-1].rows.append(row)
        else:
            units.append(_Unit(cells[1], space, [row]))
    if word < max(last, 1):
        raise _fault(path, body[-1][0], f"the words up to {max(last, 1)}", "the sentence ends")
    return units


def _lines_of_words(path: Path, body: Sequence[tuple[int, str]]) -> Iterator[tuple[int, list[str]]]:
    for number, line in body:
        cells = line.split("\t")
        if len(cells) != 10:
            raise _fault(path, number, "10 columns separated by tabs", line)
        if _EMPTY_NODE.fullmatch(cells[0]):
            continue
        if not cells[1].strip():
            raise _fault(path, number, "a word in column 2", cells[1])
        yield number, cells


def _pair(item: str) -> tuple[str, str]:
    key, _, value = item.partition("=")
    return key, value


def _head(path: Path, number: int, cell: str) -> int:
    if not cell.isascii() or not cell.isdecimal() or len(cell) > 9:
        raise _fault(path, number, "the number of the head in column 7", cell)
    return int(cell)


def _add_words(path: Path, draft: _Draft, sentence: _Sentence) -> None:
    """Write a sentence and compare it with what the file says that it is."""
    start = draft.length
    first_piece = len(draft.pieces)
    draft.starts.append(len(draft.words))
    for unit in sentence.units:
        parts = [row.form for row in unit.rows]
        whole = "".join(parts) != unit.form
        places = [draft.write(piece) for piece in ([unit.form] if whole else parts)]
        draft.words += places
        for row, place in zip(unit.rows, places * len(parts) if whole else places, strict=True):
            draft.tokens.append(_Token(len(draft.starts), row.number, row.upos, row.head, place))
        if unit.space:
            draft.write(unit.space)
    given = sentence.comments.get("text")
    found = "".join(draft.pieces[first_piece:]).rstrip(" ")
    if given is not None and given != found:
        raise FormatError(
            path,
            sentence.line,
            expected=f"the words of `# text`, {shown(given)}",
            got=f"{shown(found)} at character {start}",
        )


def _add_brackets(path: Path, draft: _Draft, row: _Row, token: int) -> None:
    """Open and close mentions at a token."""
    value = row.misc["Entity"]
    if _BRACKET.sub("", value) or not value:
        raise _fault(path, row.line, "brackets such as (1-person), (1-person or 1)", value)
    for opened, at_once, closed in _BRACKET.findall(value):
        if opened:
            draft.unfinished.append(_opened(path, draft, row, token, opened))
        if closed or at_once:
            draft.mentions.append((_closed(path, draft, row, closed), token))


def _opened(path: Path, draft: _Draft, row: _Row, token: int, text: str) -> _Mention:
    names = draft.field_names
    if len(draft.unfinished) == _MAX_DEPTH:
        raise _fault(path, row.line, f"mentions nested at most {_MAX_DEPTH} deep", text)
    if not {"GRP", "etype"} <= set(names):
        expected = "a comment `# global.Entity = GRP-etype-...` before the first mention"
        raise _fault(path, row.line, expected, "-".join(names))
    values = text.split("-", len(names) - 1)
    fields = dict(zip(names, values, strict=False))
    if not fields.get("etype"):
        raise _fault(path, row.line, f"the fields {'-'.join(names)} of a mention", text)
    return _Mention(row.line, token, fields)


def _closed(path: Path, draft: _Draft, row: _Row, group: str) -> _Mention:
    """Take the mention that was opened last, or the last of this group."""
    for place in range(len(draft.unfinished) - 1, -1, -1):
        if group in {"", draft.unfinished[place].fields["GRP"]}:
            return draft.unfinished.pop(place)
    raise _fault(path, row.line, "the end of a mention that has begun", f"{group})")


def _is_masked(draft: _Draft) -> bool:
    """Whether most words are underscores."""
    masked = sum(1 for piece in draft.pieces if _MASK.fullmatch(piece))
    return 2 * masked > len(draft.words)


def _document(path: Path, draft: _Draft, settings: GumFormat, left_out: LeftOut) -> Document:
    text = "".join(draft.pieces).rstrip(" ")
    marks: list[Mark] = []
    for mention, last in draft.mentions:
        tokens = draft.tokens[mention.first : last + 1]
        if "[" in mention.fields["GRP"]:
            left_out.add(mention.line, "a part of a discontinuous mention")
        elif settings.only_proper and not _is_named(tokens, mention):
            left_out.add(mention.line, "a mention that is not named")
        else:
            start, end = tokens[0].place.start, tokens[-1].place.end
            marks.append(Mark(start, end, types_of([mention.fields["etype"]]), mention.line))
    choice = StandoffFormat(keep=_KEEP[settings.keep], max_annotations=settings.max_annotations)
    return Document(
        id=draft.name,
        text=text,
        words=tuple(draft.words),
        sentence_starts=tuple(draft.starts),
        annotations=annotate(text, marks, path=path, settings=choice, left_out=left_out),
        provenance=Provenance(str(path), draft.line),
    )


def _is_named(tokens: Sequence[_Token], mention: _Mention) -> bool:
    """Whether the head is a proper noun, or linked words among the minimal ones are."""
    inside = {(token.sentence, token.number) for token in tokens}
    head = next((t for t in tokens if (t.sentence, t.head) not in inside), tokens[0])
    if head.upos == "PROPN":
        return True
    numbers = re.findall(r"[0-9]{1,9}", mention.fields.get("minspan", ""))
    least = [tokens[int(n) - 1] for n in numbers if 1 <= int(n) <= len(tokens)]
    return bool(mention.fields.get("identity")) and any(t.upos == "PROPN" for t in least)


def _fault(path: Path, line: int, expected: str, got: str) -> FormatError:
    return FormatError(path, line, expected=expected, got=shown(got))
