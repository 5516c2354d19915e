"""IngestAlertSettings: when an ingestion, a stream or a graph calls for help."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from ossamma.schema.errors import ConfigurationError, ProfileError
from ossamma.schema.profile_files import ALERTS_FILE, locate
from ossamma.schema.yaml_section import Section
from ossamma.serving.alert_settings import INGESTION, numbers_of


@dataclass(frozen=True, kw_only=True, slots=True)
class IngestAlertSettings:
    """Bounds; what is beyond them is an alert."""

    error_rate: float = 0.05
    """Share of files, or of messages, that are put aside."""
    lag_messages: float = 10_000.0
    """Messages that wait at the broker."""
    stuck_seconds: float = 300.0
    """Messages wait, and the sink has taken nothing for so long."""
    stale_seconds: float = 90_000.0
    """The last ingestion that went well is so long ago: a day, and an hour of grace."""
    guessed_share: float = 0.05
    """Share of merges that are guesses which nobody has decided on."""
    window_seconds: float = 300.0
    """Rates are taken over this long."""
    lasting_seconds: float = 300.0
    """A state must last so long."""

    def __post_init__(self) -> None:
        shares = {"error_rate", "guessed_share"}
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in shares and not 0.0 <= value <= 1.0:
                raise ConfigurationError(f"{field.name} must lie in [0, 1], got {value}")
            if field.name not in shares and not 0.0 < value < float("inf"):  # also refuses NaN
                raise ConfigurationError(f"{field.name} must be positive, got {value}")


def read_ingest_alert_settings(profile: str | Path) -> IngestAlertSettings:
    """Read the section `ingestion` of a profile's alerts; the defaults where there is none.

    Raises:
        ProfileError: there is no such profile, or its file is wrong, with file and line.
    """
    file = locate(profile).alerts
    root = Section.in_file(file) if file is not None else None
    if root is None or INGESTION not in root.values:
        return IngestAlertSettings()
    section = root.section(INGESTION)
    names = [field.name for field in fields(IngestAlertSettings)]
    section.check_keys((), names)
    try:
        return IngestAlertSettings(**numbers_of(section, names))
    except ConfigurationError as error:
        raise ProfileError(f"{file} ({ALERTS_FILE}): {error}") from None
