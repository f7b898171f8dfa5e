"""Parses a NATS_URL: the address of a NATS server, or several addresses separated by commas."""

from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit


@dataclass(frozen=True)
class NatsUrl:
    servers: list[str]
    """The addresses without credentials, so they may be shown and logged."""
    user: str | None = field(repr=False)
    password: str | None = field(repr=False)
    """If there is a user without a password, the user is a token."""


def parse_nats_url(url: str) -> NatsUrl:
    """Parse `url`. Raises ValueError if it is not valid. The message of the error contains no part of the URL.

    The servers of a cluster have the same users. So each address must have the same user and password.
    """
    try:
        parts = [urlsplit(address) for address in url.split(",")]
        are_valid = all(map(_is_valid, parts))
    except ValueError:  # we raise our own error below, because the messages of urlsplit may contain the URL
        are_valid = False
    if not are_valid:
        raise ValueError("must be nats://[user:password@]host[:port][,nats://…], user and password percent-encoded")
    if len({(each.username, each.password) for each in parts}) > 1:
        raise ValueError("must have the same user and password in all addresses")
    return NatsUrl(
        servers=[f"{each.scheme}://{each.netloc.rpartition('@')[2]}" for each in parts],
        user=_decoded(parts[0].username),
        password=_decoded(parts[0].password),
    )


def _is_valid(address: SplitResult) -> bool:
    """Return True if this is one address and nothing else. Raises ValueError if the port is not valid.

    If user or password are not percent-encoded, the text after their first special character would otherwise count as
    the host or as a path.
    """
    return (
        address.scheme in {"nats", "tls"}
        and bool(address.hostname)
        and address.port != 0
        and address.netloc.count("@") <= 1
        and not (address.path.strip("/") or address.query or address.fragment)
    )


def _decoded(text: str | None) -> str | None:
    return None if text is None else unquote(text)
