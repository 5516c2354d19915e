"""Pages from the templates of this floor: self-contained HTML, or Markdown."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from jinja2 import Environment, PackageLoader, StrictUndefined


def page(template: str, *, filters: Mapping[str, Callable[..., str]], **content: object) -> str:
    """Fill a template. Text is escaped in HTML; a name that the template lacks is an error."""
    environment = Environment(
        loader=PackageLoader("ossamma.pipeline", "templates"),
        autoescape=".html." in template,  # noqa: S701  Markdown has no markup to escape
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= filters
    return environment.get_template(template).render(**content)
