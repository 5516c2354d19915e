"""Word to people when a run has ended, well or not: mail, Slack, webhooks, through Apprise."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from ossamma.schema.errors import ConfigurationError


def make_notifier(urls: Sequence[str]) -> Any:  # noqa: ANN401  Apprise publishes no types
    """Check the addresses before a run of hours begins; None without any.

    Raises:
        ConfigurationError: Apprise is not installed, or does not know an address.
    """
    if not urls:
        return None
    try:
        # By its name, because it is an extra: most runs tell nobody.
        apprise = import_module("apprise")
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            'notification needs Apprise, which is not installed: pip install "ossamma[notify]"'
        ) from error
    notifier = apprise.Apprise()
    for url in urls:
        if not notifier.add(url):
            raise ConfigurationError(
                f"Apprise does not know the address {_bare(url)!r}; expected such as "
                "mailto://user:password@host, slack://token/channel or json://host:port/path"
            )
    return notifier


def status_of(error: BaseException) -> str:
    """Return how a run has ended that raised this: ended from outside, or failed by itself."""
    return "interrupted" if isinstance(error, KeyboardInterrupt | SystemExit) else "failed"


@contextmanager
def told_if_it_fails(
    notifier: Any,  # noqa: ANN401  see above
    name: str,
    say: Callable[[str], None],
) -> Iterator[None]:
    """Tell of a run that ends by an error or from outside; the error goes on its way."""
    try:
        yield
    except BaseException as error:
        how = status_of(error)
        tell(notifier, title=f"{name}: {how}", body=str(error) or how, say=say)
        raise


def tell(notifier: Any, *, title: str, body: str, say: Callable[[str], None]) -> None:  # noqa: ANN401
    """Send; say what went wrong, if anything did."""
    if problem := send(notifier, title=title, body=body):
        say(f"warning: {problem}")


def send(notifier: Any, *, title: str, body: str) -> str | None:  # noqa: ANN401  see above
    """Send; return what went wrong, if anything did: a dead notifier must not fail the run."""
    if notifier is None:
        return None
    try:
        was_sent = notifier.notify(title=title, body=body)
    except Exception as error:  # noqa: BLE001  plugins of a third party
        return f"the notification failed: {type(error).__name__}: {error}"
    return None if was_sent else "the notification was not accepted at every address"


def _bare(url: str) -> str:
    """Keep secrets out of messages."""
    return f"{url.partition('://')[0]}://..."
