"""Signs session tokens with a private key, which only the auth service has.

The services check each token with the public key. A token says which user is signed in.
"""

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
    """Return the Ed25519 private key that the text `pem` contains.

    Raises ValueError if the text is not an unencrypted Ed25519 private key. The message of this error does not contain
    the text, because the text may be a secret.
    """
    # If the key is encrypted, load_pem_private_key raises TypeError.
    with suppress(ValueError, TypeError, UnsupportedAlgorithm):
        key = load_pem_private_key(pem.encode(), password=None)
        if isinstance(key, Ed25519PrivateKey):
            return key
    raise ValueError("must be an unencrypted Ed25519 private key in PEM")


class TokenSigner:
    def __init__(self, private_key: str, clock: Clock) -> None:
        # We parse the key here once. If we gave PyJWT the text of the key, PyJWT would parse it again for each token.
        self._private_key = parse_private_key(private_key)
        self._clock = clock

    def sign(self, user: SignedInUser) -> str:
        now = self._clock()
        claims = {"iss": ISSUER, "sub": user.id, "email": user.email, "iat": now, "exp": now + TOKEN_LIFETIME}
        return jwt.encode(claims, self._private_key, algorithm=ALGORITHM)
