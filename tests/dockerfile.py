"""A Dockerfile as a list of instructions, as far as ours needs it."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

Instructions = list[tuple[str, str]]


def instructions(path: Path) -> Instructions:
    """(name, rest) of each instruction; comments left out, continued lines joined."""
    kept = [
        line
        for line in path.read_text(encoding="utf-8").splitlines()
        if not line.lstrip().startswith("#")
    ]
    joined = re.sub(r"\\\n\s*", "", "\n".join(kept))
    found = [line.split(maxsplit=1) for line in joined.splitlines() if line.strip()]
    return [(name.upper(), rest) for name, rest in found]


def arguments_of(all_of_it: Instructions) -> dict[str, str]:
    """The defaults of its build arguments."""
    pairs = [rest.partition("=") for name, rest in all_of_it if name == "ARG"]
    return {name: value for name, mark, value in pairs if mark}


def stages(all_of_it: Instructions) -> list[Instructions]:
    """The instructions from each FROM on."""
    starts = [n for n, (name, _) in enumerate(all_of_it) if name == "FROM"]
    return [all_of_it[a:b] for a, b in zip(starts, [*starts[1:], None], strict=True)]


def last_stage(all_of_it: Instructions) -> Instructions:
    """What becomes the image."""
    return stages(all_of_it)[-1]


def environment_of(stage: Instructions) -> dict[str, str]:
    """The variables that a stage sets."""
    words = [word for name, rest in stage if name == "ENV" for word in shlex.split(rest)]
    return dict(word.split("=", 1) for word in words)
