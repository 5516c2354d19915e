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

import sys
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

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


_PACKAGE: Final = "transformers.models.auto."
_REGISTERED_BY: Final = {
    _PACKAGE + "configuration_auto": "ossamma.model.configuration",
    _PACKAGE + "modeling_auto": "ossamma.model.modeling",
}
"""Modules with Hugging Face's Auto classes, and ours that make themselves known to them."""


class _Registration(MetaPathFinder, Loader):
    """Imports our models as soon as someone imports the Auto classes, and no earlier.

    So `AutoModelForTokenClassification.from_pretrained(bundle)` works after `import ossamma`, which
    itself stays light.
    """

    def __init__(self) -> None:
        self._own: dict[str, Loader] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Stand in for the loader of those modules."""
        if fullname not in _REGISTERED_BY:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            self._own[fullname], spec.loader = spec.loader, self
        return spec

    def exec_module(self, module: ModuleType) -> None:
        """Execute the module as its own loader does, then import ours."""
        own = self._own[module.__name__]
        if module.__spec__ is not None:
            module.__spec__.loader = own
        own.exec_module(module)
        import_module(_REGISTERED_BY[module.__name__])


sys.meta_path.insert(0, _Registration())
for _theirs, _ours in _REGISTERED_BY.items():
    if _theirs in sys.modules:  # it came before us
        import_module(_ours)


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
