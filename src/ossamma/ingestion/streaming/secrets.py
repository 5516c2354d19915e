"""Keeps passwords out of whatever is told: logs and errors."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from urllib.parse import quote

_HIDDEN = "***"


def hide(text: str, secrets: Sequence[str]) -> str:
    """Return a text in which every secret, plain or as in a URL, is `***`."""
    forms = {form for one in secrets if one for form in (one, quote(one), quote(one, safe=""))}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, _HIDDEN)
    return text


class SecretFree(logging.Formatter):
    """Formats a record as one line without secrets; of an exception only what it says."""

    def __init__(self, secrets: Sequence[str]) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s")
        self._secrets = tuple(secrets)

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        record.message = record.getMessage().partition("\n")[0]
        record.asctime = self.formatTime(record)
        line = self.formatMessage(record)
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            line += f" ({type(error).__name__}: {str(error)[:300]})".replace("\n", " ")
        return hide(line, self._secrets)
