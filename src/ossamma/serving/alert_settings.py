"""AlertSettings: when a server calls for help, as its profile says."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

from ossamma.schema.errors import ConfigurationError, ProfileError
from ossamma.schema.profile_files import ALERTS_FILE, locate
from ossamma.schema.yaml_section import Section

INGESTION: Final = "ingestion"
"""The key of the bounds of ingestions, streams and graphs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertSettings:
    """Bounds; what is beyond them is an alert."""

    latency_p99_seconds: float = 0.1
    """Of answered requests."""
    error_rate: float = 0.01
    """Share of requests that are answered with a 5xx status."""
    drift_psi: float = 0.25
    """Of any feature of recent texts against the model's dev documents."""
    queue_share: float = 0.8
    """Share of the queue that is taken."""
    refused_share: float = 0.05
    """Share of requests that are refused because the queue is full."""
    expected_precision: float = 0.8
    """Least mean confidence of a calibrated model."""
    window_seconds: float = 300.0
    """Rates are taken over this long."""
    lasting_seconds: float = 300.0
    """A state must last so long."""

    def __post_init__(self) -> None:
        for name in ("latency_p99_seconds", "drift_psi", "window_seconds", "lasting_seconds"):
            if not 0.0 < getattr(self, name) < float("inf"):  # also refuses NaN
                raise ConfigurationError(f"{name} must be positive, got {getattr(self, name)}")
        for name in ("error_rate", "queue_share", "refused_share", "expected_precision"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ConfigurationError(f"{name} must lie in [0, 1], got {getattr(self, name)}")


def read_alert_settings(profile: str | Path) -> AlertSettings:
    """Read the alerts of a profile; the defaults if it says nothing of them.

    Raises:
        ProfileError: there is no such profile, or its file is wrong, with file and line.
    """
    file = locate(profile).alerts
    if file is None:
        return AlertSettings()
    section = Section.in_file(file)
    names = [field.name for field in fields(AlertSettings)]
    section.check_keys((), [*names, INGESTION])
    try:
        return AlertSettings(**numbers_of(section, names))
    except ConfigurationError as error:
        raise ProfileError(f"{file} ({ALERTS_FILE}): {error}") from None


def numbers_of(section: Section, names: Collection[str]) -> dict[str, float]:
    """Return the numbers that a section gives for some of these names."""
    values = {}
    for name in section.values:
        if name in names:
            try:
                values[name] = float(section.text(name))
            except ValueError:
                raise section.fault(
                    f"expected a number for {name!r}, got {section.text(name)!r}"
                ) from None
    return values
