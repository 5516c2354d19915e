"""How much of anything is too much for one document, and how many go into a batch."""

from __future__ import annotations

from dataclasses import dataclass, fields

from ossamma.schema.errors import ConfigurationError


@dataclass(frozen=True, kw_only=True, slots=True)
class IngestSettings:
    """Limits of one file, and the size of what is written together."""

    max_seconds: float = 60.0
    """A file that takes longer to read is put aside, and its process ended."""
    max_file_bytes: int = 2**26
    """A larger file is put aside unread."""
    max_memory_bytes: int = 2**31
    """Address space of the process that reads files (where the system can limit it)."""
    max_unpacked_bytes: int = 2**27
    """A DOCX or EPUB whose parts together are larger once unpacked is put aside."""
    max_characters: int = 5_000_000
    """A file with more text is put aside."""
    max_records: int = 100_000
    """A JSON, CSV or STIX file of more texts is put aside."""
    batch_documents: int = 64
    """So many texts are recognised and written together, at most."""
    batch_characters: int = 500_000
    """So much text, too; a longer document is a batch of its own."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not value > 0:
                raise ConfigurationError(f"{field.name} must be positive, got {value}")


DEFAULT_INGEST = IngestSettings()
