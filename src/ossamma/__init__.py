"""Named entity recognition from labelled text to a verified model bundle.

The package offers its few outer names lazily (PEP 562), so that `import ossamma` loads neither
torch nor transformers:

    >>> import ossamma
    >>> ossamma.Span(0, 12)
    Span(start=0, end=12)

Modules inside the package import from the module that defines a name, never from here: this
module stands above every layer.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ossamma.export.bundle import load
    from ossamma.schema.spans import Document, Entity, Span

    __version__: str

__all__ = ["Document", "Entity", "Span", "__version__", "load"]

_HOME: Final = {
    "Document": "ossamma.schema.spans",
    "Entity": "ossamma.schema.spans",
    "Span": "ossamma.schema.spans",
    "load": "ossamma.export.bundle",
}


def __getattr__(name: str) -> object:
    """Import a public name from its home at first use, and keep it."""
    value: object
    if name == "__version__":
        value = _version()
    elif name in _HOME:
        value = getattr(import_module(_HOME[name]), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _version() -> str:
    try:
        return version("ossamma")
    except PackageNotFoundError:  # run from a source tree that was never installed
        return "0+uninstalled"
