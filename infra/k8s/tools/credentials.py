"""Decides which credentials the cluster lacks, and makes them. Knows nothing of kubectl.

Some credentials exist twice, for the server and for its client. An existing one never changes: the other is derived.
"""

import secrets
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import urlsplit

from marketplace.errors import PlatformError
from marketplace.keys import TokenKeys
from marketplace.registry import SERVICE_NAMES

NATS_CLIENTS = (*SERVICE_NAMES, "provisioning")
NATS_USERS = (*NATS_CLIENTS, "operator", "route")
"""`route` is the user as which the NATS servers connect to each other."""
PUBLIC_KEY_MAP = "token-public-key"
"""The only credential that is not secret: a ConfigMap."""
_PRIVATE, _PUBLIC = "TOKEN_PRIVATE_KEY", "TOKEN_PUBLIC_KEY"

Contents = Mapping[str, str]
"""The keys and values of a Secret or a ConfigMap."""


def missing_credentials(
    existing: Mapping[str, Contents], stripe_key: str | None, databases: Iterable[str] = SERVICE_NAMES
) -> dict[str, Contents]:
    """Return the Secrets, by name, that are not in `existing`. Raises PlatformError if what exists is inconsistent.

    `databases` are the services whose database runs in the cluster. Only a person knows the passwords of the others.
    """
    wanted: dict[str, Contents] = dict(_token_keys(existing)) | dict(_nats(existing))
    wanted |= {f"{service}-mongodb": _mongodb(service) for service in databases}
    if stripe_key:
        wanted["stripe"] = {"STRIPE_KEY": stripe_key}
    return {name: contents for name, contents in wanted.items() if name not in existing}


def _token_keys(existing: Mapping[str, Contents]) -> Iterator[tuple[str, Contents]]:
    private = existing.get("token-private-key")
    if private is None and PUBLIC_KEY_MAP in existing:
        raise PlatformError(
            f"The ConfigMap {PUBLIC_KEY_MAP} exists, but the Secret token-private-key does not. Delete the ConfigMap "
            f"{PUBLIC_KEY_MAP} to get a new pair of keys; all users are then signed out."
        )
    try:
        keys = TokenKeys.of(private[_PRIVATE]) if private else TokenKeys.new()
    except (KeyError, ValueError):
        raise PlatformError(f"The Secret token-private-key has no Ed25519 key in {_PRIVATE}: delete it.") from None
    yield "token-private-key", {_PRIVATE: keys.private}
    yield PUBLIC_KEY_MAP, {_PUBLIC: keys.public}


def _nats(existing: Mapping[str, Contents]) -> Iterator[tuple[str, Contents]]:
    servers = existing.get("nats-users")
    passwords = {user: _nats_password(user, servers, existing.get(f"{user}-nats")) for user in NATS_USERS}
    yield "nats-users", {_nats_variable(user): password for user, password in passwords.items()}
    for user in NATS_CLIENTS:
        yield f"{user}-nats", {"url": f"nats://{user}:{passwords[user]}@nats:4222"}


def _nats_password(user: str, servers: Contents | None, client: Contents | None) -> str:
    if servers is not None:
        if known := servers.get(_nats_variable(user)):
            return known
        raise PlatformError(
            f"The Secret nats-users has no {_nats_variable(user)}: add it, or delete nats-users and every *-nats."
        )
    known = urlsplit(client["url"]).password if client and "url" in client else None
    return known or _new_password()


def _nats_variable(user: str) -> str:
    return f"NATS_PASSWORD_{user.upper()}"


def _mongodb(service: str) -> Contents:
    password = _new_password()
    return {
        "root-password": _new_password(),
        "password": password,
        "url": f"mongodb://{service}:{password}@{service}-mongodb:27017/{service}"
        f"?authSource={service}&w=majority&journal=true",
    }


def _new_password() -> str:
    """Return 32 random bytes as a letter and hexadecimal digits, which need no quoting anywhere.

    nats-server parses the value of a variable like its configuration: after a leading digit it expects a number.
    """
    return f"p{secrets.token_hex(32)}"
