"""Values as YAML gives them to values of a setting's type, with messages that help."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal, get_args, get_origin

from ossamma.schema.errors import ConfigurationError

_NAMES: dict[object, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    list: "a list",
}


@dataclass(frozen=True, slots=True)
class SettingTypes:
    """The settings of one section: name -> annotation (bool, int, float, a Literal, or a list)."""

    section: str
    kinds: Mapping[str, Any]

    def checked(self, name: str, value: object) -> object:
        """Return the value in the setting's type.

        Whole numbers may be written 1e4, any number as 1e-3, which YAML 1.1 takes for text.

        Raises:
            ConfigurationError: there is no such setting, or the value is of another type.
        """
        where = f"{self.section}.{name}"
        if name not in self.kinds:
            raise ConfigurationError(
                f"unknown setting {where}{nearest(str(name), self.kinds)} "
                f"(known: {', '.join(self.kinds)})"
            )
        kind = self.kinds[name]
        if get_origin(kind) is Literal:
            return _choice(where, value, get_args(kind))
        plain = kind if kind in _NAMES else list  # what is left are lists
        number = _number(value)
        if plain in (int, float) and number is not None:
            if plain is float:
                return number
            if number.is_integer():
                return value if isinstance(value, int) else int(number)
        elif plain not in (int, float) and isinstance(value, plain):
            return value
        raise ConfigurationError(f"{where}: expected {_NAMES[plain]}, got {value!r}")


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean X?`, or nothing where no name is near."""
    near = get_close_matches(name, list(known), n=3)
    return f"; did you mean {' or '.join(near)}?" if near else ""


def _choice(where: str, value: object, choices: tuple[str, ...]) -> object:
    if value not in choices:
        raise ConfigurationError(
            f"{where}: expected one of {', '.join(choices)}, got {value!r}"
            f"{nearest(str(value), choices)}"
        )
    return value


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None
