"""Looking at a running server for alerts."""

from __future__ import annotations

from collections.abc import Callable

import httpx

from ossamma.serving.alert_check import Finding, Reading, check_readings
from ossamma.serving.alert_settings import AlertSettings


def visit(url: str, settings: AlertSettings, *, pause: Callable[[], None]) -> list[Finding]:
    """Look twice, with a pause between, and return what is wrong.

    A server that cannot be reached is an alert itself.

    Raises:
        FormatError: something else than our server answers there.
    """
    try:
        with httpx.Client(base_url=url, timeout=10.0) as client:
            before = _read(client)
            pause()
            return check_readings(before, _read(client), settings)
    except httpx.HTTPError as error:
        return [Finding("OssammaDown", f"{url} does not answer: {type(error).__name__}")]


def _read(client: httpx.Client) -> Reading:
    answer = client.get("/metrics")
    answer.raise_for_status()
    return Reading.parse(answer.text)
