"""The key pair that signs and verifies the session tokens. A session token says which user is signed in.

The first start of the platform creates and stores the keys. Later starts use the same keys. If each start created new
keys, each restart would sign out all users, because the services could not verify the old tokens.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from marketplace.errors import PlatformError


@dataclass(frozen=True)
class TokenKeys:
    """The private key that signs the session tokens, and the public key that verifies them, as PEM text."""

    private: str = field(repr=False)
    public: str

    @classmethod
    def new(cls) -> Self:
        return cls.of(_pem(Ed25519PrivateKey.generate()).decode())

    @classmethod
    def of(cls, private: str) -> Self:
        """Return this private key with its public key. Raises ValueError if `private` is not an Ed25519 key."""
        try:
            key = load_pem_private_key(private.encode(), password=None)
        except (TypeError, UnsupportedAlgorithm) as error:
            raise ValueError("not a readable private key") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise ValueError("not an Ed25519 key")  # noqa: TRY004 - the value of the argument is wrong, not its type
        public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return cls(private=_pem(key).decode(), public=public.decode())


def load_or_create_keys(folder: Path) -> TokenKeys:
    """Return the keys that are stored in this folder. If there are none, create and store new keys.

    Raises PlatformError if the file for the private key exists, but does not contain an Ed25519 key.
    """
    path = folder / "token-private-key.pem"
    if not path.exists():
        _write_secret(path, TokenKeys.new().private.encode())
    try:
        return TokenKeys.of(path.read_bytes().decode(errors="replace"))
    except ValueError:
        raise PlatformError(
            f"{path} does not contain an Ed25519 key. Delete the file to create a new key; this signs all users out."
        ) from None


def _pem(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write_secret(path: Path, content: bytes) -> None:
    """Write the file atomically. Other users of the machine can never read it, not even while it is being written."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    unfinished = path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
