"""Signs session tokens. Only auth has the private key."""

from contextlib import suppress
from datetime import timedelta

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from common.domain.clock import Clock
from common.domain.tokens import ALGORITHM, ISSUER, SignedInUser

TOKEN_LIFETIME = timedelta(hours=12)


def parse_private_key(pem: str) -> Ed25519PrivateKey:
    """Raises ValueError, whose message does not show the key."""
    with suppress(ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: the key is encrypted
        key = load_pem_private_key(pem.encode(), password=None)
        if isinstance(key, Ed25519PrivateKey):
            return key
    raise ValueError("must be an unencrypted Ed25519 private key in PEM")


class TokenSigner:
    def __init__(self, private_key: str, clock: Clock) -> None:
        self._private_key = parse_private_key(private_key)  # once: PyJWT would parse the text again for each token
        self._clock = clock

    def sign(self, user: SignedInUser) -> str:
        now = self._clock()
        claims = {"iss": ISSUER, "sub": user.id, "email": user.email, "iat": now, "exp": now + TOKEN_LIFETIME}
        return jwt.encode(claims, self._private_key, algorithm=ALGORITHM)
