"""What all brokers share on the way to them: encryption, and errors told without secrets."""

from __future__ import annotations

import ssl

from ossamma.ingestion.streaming.places import BrokerPlace


def encryption(place: BrokerPlace) -> ssl.SSLContext | None:
    """Return what checks the broker's certificate, where the URL asks for encryption.

    SSL_CERT_FILE names other authorities than the system's.
    """
    return ssl.create_default_context() if place.is_encrypted else None


def told(error: BaseException) -> str:
    """Return an error as its type and the beginning of its message."""
    return f"{type(error).__name__}: {str(error)[:200]}"
