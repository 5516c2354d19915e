"""The page at `/`: a person pastes a text and sees its entities. Three files, no foreign ones."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from fastapi import APIRouter, Response
from starlette.exceptions import HTTPException

_FOLDER: Final = Path(__file__).parent
_TYPES: Final = {
    "index.html": "text/html",
    "page.css": "text/css",
    "page.js": "text/javascript",
}
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
router = APIRouter(include_in_schema=False)


@router.get("/")
def show() -> Response:
    """Return the page."""
    return _file("index.html")


@router.get("/page/{name}")
def asset(name: str) -> Response:
    """Return a file of the page."""
    if name not in _TYPES:
        raise HTTPException(404, "there is no such file")
    return _file(name)


def _file(name: str) -> Response:
    return Response(
        (_FOLDER / name).read_bytes(),
        media_type=f"{_TYPES[name]}; charset=utf-8",
        headers={"content-security-policy": _POLICY},
    )
