"""Session tokens: auth signs them with an Ed25519 key; every other service verifies them with the public key."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from common.domain.errors import NotSignedIn
from common.domain.ids import UserId

ISSUER = "ticket-marketplace/auth"
ALGORITHM = "EdDSA"
"""The algorithm in a token's header is ignored, because the sender of a forged token chooses it."""

_CLOCK_SKEW = timedelta(seconds=30)
"""The clocks of two machines may differ by this much before a new token is refused."""
_LONGEST_TOKEN = 2048


@dataclass(frozen=True)
class SignedInUser:
    id: UserId
    email: str


def parse_public_key(pem: str) -> Ed25519PublicKey:
    """Raises ValueError."""
    with suppress(ValueError, UnsupportedAlgorithm):
        key = load_pem_public_key(pem.encode())
        if isinstance(key, Ed25519PublicKey):
            return key
    raise ValueError("must be an Ed25519 public key in PEM")


class TokenVerifier:
    def __init__(self, public_key: str) -> None:
        self._public_key = parse_public_key(public_key)  # once: PyJWT would parse the text again for each token

    def verify(self, token: str) -> SignedInUser:
        """Raises NotSignedIn for a token that auth did not sign, that has expired, or that has no expiry."""
        if len(token) > _LONGEST_TOKEN:
            raise NotSignedIn("The token is not valid. Sign in again.")
        try:
            claims = jwt.decode(
                token,
                self._public_key,
                algorithms=[ALGORITHM],
                issuer=ISSUER,
                leeway=_CLOCK_SKEW,
                options={"require": ["exp", "iat", "sub", "iss", "email"]},
            )
        except jwt.ExpiredSignatureError:
            raise NotSignedIn("Your session has ended. Sign in again.") from None
        except jwt.PyJWTError:
            raise NotSignedIn("The token is not valid. Sign in again.") from None
        return SignedInUser(UserId(claims["sub"]), claims["email"])
