"""Every credential of the cluster: which are missing, and what to make for them. Knows nothing of kubectl.

Some are in two places, as the server needs them and as a client does. What is there is never changed: the other side
is made to fit.
"""

import secrets
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import urlsplit

from marketplace.keys import TokenKeys
from marketplace.registry import SERVICE_NAMES

NATS_CLIENTS = (*SERVICE_NAMES, "provisioning")
NATS_USERS = (*NATS_CLIENTS, "operator", "route")
"""`route`: the servers themselves, as which they reach each other."""
PRIVATE, PUBLIC = "TOKEN_PRIVATE_KEY", "TOKEN_PUBLIC_KEY"

Contents = Mapping[str, str]
"""Of a Secret or a ConfigMap: key and value."""


class Conflict(Exception):
    """What is there does not fit together, and only a person can say what is to go."""


def missing_credentials(
    existing: Mapping[str, Contents], stripe_key: str | None, databases: Iterable[str] = SERVICE_NAMES
) -> dict[str, Contents]:
    """By name, for those that `existing` has not. Raises Conflict.

    `databases`: the services whose database is in the cluster, and is told its passwords; of the others only a person
    knows them.
    """
    wanted: dict[str, Contents] = dict(_token_keys(existing)) | dict(_nats(existing))
    wanted |= {f"{service}-mongodb": _mongodb(service) for service in databases}
    if stripe_key:
        wanted["stripe"] = {"STRIPE_KEY": stripe_key}
    return {name: contents for name, contents in wanted.items() if name not in existing}


def _token_keys(existing: Mapping[str, Contents]) -> Iterator[tuple[str, Contents]]:
    private = existing.get("token-private-key")
    if private is None and "token-public-key" in existing:
        raise Conflict(
            "There is a token-public-key, but the token-private-key that it belongs to is gone. Delete the ConfigMap "
            "token-public-key to get a new pair; everybody is then signed out."
        )
    try:
        keys = TokenKeys.of(private[PRIVATE]) if private else TokenKeys.new()
    except (KeyError, ValueError):
        raise Conflict("The Secret token-private-key holds no Ed25519 key as TOKEN_PRIVATE_KEY: delete it.") from None
    yield "token-private-key", {PRIVATE: keys.private}
    yield "token-public-key", {PUBLIC: keys.public}


def _nats(existing: Mapping[str, Contents]) -> Iterator[tuple[str, Contents]]:
    servers = existing.get("nats-users")
    passwords = {user: _nats_password(user, servers, existing.get(f"{user}-nats")) for user in NATS_USERS}
    yield "nats-users", {_nats_variable(user): password for user, password in passwords.items()}
    for user in NATS_CLIENTS:
        yield f"{user}-nats", {"url": f"nats://{user}:{passwords[user]}@nats:4222"}


def _nats_password(user: str, servers: Contents | None, clients: Contents | None) -> str:
    if servers is not None:
        if known := servers.get(_nats_variable(user)):
            return known
        raise Conflict(f"The Secret nats-users has no {_nats_variable(user)}: add it, or delete it and all *-nats.")
    known = urlsplit(clients["url"]).password if clients and "url" in clients else None
    return known or new_password()


def _nats_variable(user: str) -> str:
    return f"NATS_PASSWORD_{user.upper()}"


def _mongodb(service: str) -> Contents:
    password = new_password()
    return {
        "root-password": new_password(),
        "password": password,
        "url": f"mongodb://{service}:{password}@{service}-mongodb:27017/{service}"
        f"?authSource={service}&w=majority&journal=true",
    }


def new_password() -> str:
    """32 random bytes, that need no quoting anywhere.

    nats-server reads the value of a variable as it reads its configuration: signs, and digits in front, would make it a
    number or a mistake. So it is a letter and hexadecimal digits, not base64.
    """
    return f"p{secrets.token_hex(32)}"
