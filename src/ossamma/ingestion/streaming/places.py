"""Where messages come from and go to: the URL of a broker, and who may see which part of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from ossamma.schema.errors import ConfigurationError

USERNAME_VARIABLE: Final = "OSSAMMA_BROKER_USERNAME"
PASSWORD_VARIABLE: Final = "OSSAMMA_BROKER_PASSWORD"  # noqa: S105  the name of a variable
_SCHEMES: Final = {
    "nats": ("nats", 4222, False),
    "tls": ("nats", 4222, True),
    "redis": ("redis", 6379, False),
    "rediss": ("redis", 6379, True),
    "amqp": ("rabbit", 5672, False),
    "amqps": ("rabbit", 5671, True),
}
"""Kind of broker, usual port, and whether the way there is encrypted."""
_OPTIONS: Final = {"group", "dead", "db", "vhost"}


@dataclass(frozen=True, kw_only=True, slots=True)
class BrokerPlace:
    """A subject, stream or queue of a broker. Its `repr` and `shown` carry no credentials."""

    kind: str
    """`nats`, `redis` or `rabbit`."""
    host: str
    port: int
    name: str
    """Subject (NATS), stream (Redis) or queue (RabbitMQ)."""
    group: str = "ossamma"
    """Consumers of one group share the messages: durable consumer, consumer group; RabbitMQ has
    none."""
    dead: str = ""
    """Where dead letters go at the same broker."""
    is_encrypted: bool = False
    database: int = 0
    """Of Redis."""
    virtual_host: str = "/"
    """Of RabbitMQ."""
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    @property
    def shown(self) -> str:
        """The URL for people and logs."""
        scheme = "amqp" if self.kind == "rabbit" else self.kind
        return f"{scheme}://{self.host}:{self.port}/{self.name}"


def is_broker(text: str) -> bool:
    """Whether this is the URL of a broker, and no other place."""
    return text.partition("://")[0] in {*_SCHEMES, "kafka"} and "://" in text


def parse_place(text: str, environment: Mapping[str, str]) -> BrokerPlace:
    """Read `nats://HOST/SUBJECT`, `redis://HOST/STREAM` or `amqp://HOST/QUEUE`.

    Options: `?group=NAME`, `?dead=NAME`, `?db=N` (Redis), `?vhost=NAME` (RabbitMQ). Credentials are
    in the URL or in OSSAMMA_BROKER_USERNAME and OSSAMMA_BROKER_PASSWORD. `tls`, `rediss` and
    `amqps` are the encrypted forms.

    Raises:
        ConfigurationError: it is none of these. The message never repeats the URL.
    """
    scheme = text.partition("://")[0]
    if scheme == "kafka":
        raise ConfigurationError(
            "Kafka is not supported: it acknowledges positions, not messages, and there was no "
            "server to test on; expected nats://, redis:// or amqp://"
        )
    if not is_broker(text):
        raise ConfigurationError(
            "expected nats://HOST/SUBJECT, redis://HOST/STREAM or amqp://HOST/QUEUE, got "
            f"something that begins with {scheme[:12]!r}"
        )
    kind, usual, is_encrypted = _SCHEMES[scheme]
    try:
        parts = urlsplit(text)
        port = parts.port or usual
    except ValueError as error:
        raise ConfigurationError(f"the {scheme} URL is malformed: its port or host") from error
    options = _options(parts)
    name = unquote(parts.path).strip("/")
    if not parts.hostname or not name:
        raise ConfigurationError(
            f"expected {scheme}://HOST/NAME, got no {'name' if parts.hostname else 'host'}"
        )
    dead = options.get("dead", f"{name}.dead")
    _check_names(kind, name, dead, options.get("group", "ossamma"))
    return BrokerPlace(
        kind=kind,
        host=parts.hostname,
        port=port,
        name=name,
        group=options.get("group", "ossamma"),
        dead=dead,
        is_encrypted=is_encrypted,
        database=int(options.get("db", "0")),
        virtual_host=options.get("vhost", "/"),
        username=unquote(parts.username or "") or environment.get(USERNAME_VARIABLE, ""),
        password=unquote(parts.password or "") or environment.get(PASSWORD_VARIABLE, ""),
    )


def _options(parts: SplitResult) -> dict[str, str]:
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = sorted(set(options) - _OPTIONS)
    if unknown:
        raise ConfigurationError(
            f"unknown options {unknown} in the URL of a broker; expected {sorted(_OPTIONS)}"
        )
    if not options.get("db", "0").isdecimal():
        raise ConfigurationError(f"db: expected a number, got {options['db']!r}")
    return options


def _check_names(kind: str, name: str, dead: str, group: str) -> None:
    if not group or not dead or name == dead:
        raise ConfigurationError("group and dead must have names, and dead one of its own")
    if kind != "nats":
        return
    if any(mark in dead for mark in "*>") or any(mark in group for mark in ".*> "):
        raise ConfigurationError(
            f"expected a dead=SUBJECT without wildcards and a group without dots, got {dead!r} and "
            f"{group!r}"
        )
    if _matches(name.split("."), dead.split(".")):
        raise ConfigurationError(
            f"dead letters on {dead!r} would come back by {name!r}; give another ?dead=SUBJECT"
        )


def _matches(pattern: list[str], subject: list[str]) -> bool:
    """Whether a NATS pattern takes in a subject: `*` is one token, `>` all that follow."""
    if pattern[0] == ">" or not subject:
        return bool(subject)
    if pattern[0] not in {"*", subject[0]}:
        return False
    if len(pattern) == 1 or len(subject) == 1:
        return len(pattern) == len(subject)
    return _matches(pattern[1:], subject[1:])
