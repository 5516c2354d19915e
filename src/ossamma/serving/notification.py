"""Telling people: messages by Apprise to whatever address they gave."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

from ossamma.schema.errors import ConfigurationError, ServingError


def notify(addresses: Sequence[str], *, title: str, body: str) -> None:
    """Send a message to every address, such as json://host/path or mailto://...

    Raises:
        ModuleNotFoundError: Apprise is not installed.
        ConfigurationError: an address is none that Apprise knows. It is not repeated: addresses
            hold passwords.
        ServingError: a message could not be delivered.
    """
    sender = import_module("apprise").Apprise()
    for number, address in enumerate(addresses, start=1):
        if not sender.add(address):
            raise ConfigurationError(
                f"address {number} is none that Apprise knows; see its list of services"
            )
    if addresses and not sender.notify(title=title, body=body):
        raise ServingError("a message could not be delivered; the alerts stand above")
