"""Finds out which credentials are missing in the cluster, and generates these credentials. It does not call kubectl.

The password of a NATS client is in two Secrets: one for the NATS servers, and one for the client. If only one of these
Secrets exists, we generate the other one with the same password. And if the private key exists without the public key,
we compute the public key from the private key.
"""

import secrets
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import urlsplit

from marketplace.errors import PlatformError
from marketplace.keys import TokenKeys
from marketplace.registry import SERVICE_NAMES

NATS_CLIENTS = (*SERVICE_NAMES, "provisioning")
NATS_USERS = (*NATS_CLIENTS, "operator", "route")
"""All users of NATS. The NATS servers use the user `route` to connect to each other."""
NATS_SERVERS = "nats-users"
"""The name of the Secret with the passwords of all users, for the NATS servers."""
PUBLIC_KEY_MAP = "token-public-key"
"""The name of the ConfigMap with the public key, which verifies session tokens."""
STRIPE_MAP = "stripe-publishable-key"
"""The name of the ConfigMap with the key that the shop's pages contain, so that they can show Stripe's card form."""
CONFIG_MAPS = {PUBLIC_KEY_MAP, STRIPE_MAP}
"""These keys are not secret, so they are in ConfigMaps and not in Secrets."""
_PRIVATE, _PUBLIC = "TOKEN_PRIVATE_KEY", "TOKEN_PUBLIC_KEY"
_STRIPE, _STRIPE_PUBLIC = "STRIPE_KEY", "STRIPE_PUBLISHABLE_KEY"

Contents = Mapping[str, str]
"""The contents of a Secret or a ConfigMap. Each key is the name of a value."""


def missing_credentials(
    existing: Mapping[str, Contents], stripe: Mapping[str, str], databases: Iterable[str] = SERVICE_NAMES
) -> dict[str, Contents]:
    """Return the Secrets and ConfigMaps that are not in `existing`. The result maps their names to their contents.

    `stripe` has the two keys of a Stripe account by the names of their variables. Without Stripe, it is empty.

    `databases` has the names of the services whose database runs in the cluster. The databases outside the cluster
    already have passwords, and this program does not know them. So it makes no Secrets for these databases.

    The Secret of the NATS servers is special. If it exists but lacks passwords, for example that of a new service, the
    result contains it with these passwords only.

    The result fits the credentials that exist. For example, if only the private key exists, the public key is computed
    from it. Raises PlatformError if this is not possible: the public key exists without the private key, or the private
    key is invalid. The message says what a person must do.
    """
    wanted: dict[str, Contents] = dict(_token_keys(existing)) | dict(_nats(existing))
    wanted |= {f"{service}-mongodb": _mongodb(service) for service in databases}
    if stripe:
        wanted["stripe"] = {_STRIPE: stripe[_STRIPE]}
        wanted[STRIPE_MAP] = {_STRIPE_PUBLIC: stripe[_STRIPE_PUBLIC]}
    return {name: contents for name, contents in wanted.items() if name not in existing or name == NATS_SERVERS}


def _token_keys(existing: Mapping[str, Contents]) -> Iterator[tuple[str, Contents]]:
    private = existing.get("token-private-key")
    if private is None and PUBLIC_KEY_MAP in existing:
        raise PlatformError(
            f"The ConfigMap {PUBLIC_KEY_MAP} exists, but the Secret token-private-key does not. Delete the ConfigMap "
            f"{PUBLIC_KEY_MAP} to get a new pair of keys; all users are then signed out."
        )
    try:
        keys = TokenKeys.new() if private is None else TokenKeys.of(private[_PRIVATE])
    except (KeyError, ValueError):
        raise PlatformError(f"The Secret token-private-key has no Ed25519 key in {_PRIVATE}: delete it.") from None
    yield "token-private-key", {_PRIVATE: keys.private}
    yield PUBLIC_KEY_MAP, {_PUBLIC: keys.public}


def _nats(existing: Mapping[str, Contents]) -> Iterator[tuple[str, Contents]]:
    known = existing.get(NATS_SERVERS, {})
    passwords = {
        user: known.get(_nats_variable(user)) or _password_of_client(existing.get(f"{user}-nats")) or _new_password()
        for user in NATS_USERS
    }
    if lacking := {_nats_variable(user): passwords[user] for user in NATS_USERS if not known.get(_nats_variable(user))}:
        yield NATS_SERVERS, lacking
    for user in NATS_CLIENTS:
        yield f"{user}-nats", {"url": f"nats://{user}:{passwords[user]}@nats:4222"}


def _password_of_client(client: Contents | None) -> str | None:
    return urlsplit(client["url"]).password if client and "url" in client else None


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
    """Return a password that consists of the letter "p" and 32 random bytes as hexadecimal digits.

    These characters need no quotes in URLs, in YAML and in configuration files. The password must begin with a letter,
    because nats-server parses the value of an environment variable in the same way as its configuration file. If the
    value began with a digit, nats-server would expect a number.
    """
    return f"p{secrets.token_hex(32)}"
