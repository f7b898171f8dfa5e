"""Session tokens show which user sent a request.

The auth service signs the tokens with its private Ed25519 key. Services verify the tokens with the public key.
"""

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
"""The only signature algorithm that we accept. If the header of a token names another algorithm, we refuse the token.

We must not use the algorithm that the header names, because the sender of a forged token can write any algorithm there.
"""

_CLOCK_SKEW = timedelta(seconds=30)
"""The clocks of two machines may differ by this time. So a token is still valid for this time after it has expired."""
_LONGEST_TOKEN = 2048


@dataclass(frozen=True)
class SignedInUser:
    id: UserId
    email: str


def parse_public_key(pem: str) -> Ed25519PublicKey:
    """Return the public key in the text `pem`. Raises ValueError if it is not an Ed25519 public key in PEM."""
    with suppress(ValueError, UnsupportedAlgorithm):
        key = load_pem_public_key(pem.encode())
        if isinstance(key, Ed25519PublicKey):
            return key
    raise ValueError("must be an Ed25519 public key in PEM")


class TokenVerifier:
    def __init__(self, public_key: str) -> None:
        # We parse the key here once. If we gave PyJWT the text of the key, PyJWT would parse it again for each token.
        self._public_key = parse_public_key(public_key)

    def verify(self, token: str) -> SignedInUser:
        """Return the user whom the token names.

        Raises NotSignedIn if the auth service did not sign the token, if the token has expired or is too long, or if a
        required part of the token is missing, for example its expiry time.
        """
        if len(token) > _LONGEST_TOKEN:
            raise NotSignedIn("The token is not valid. Sign in again.")
        try:
            claims = jwt.decode(
                token,
                self._public_key,
                algorithms=[ALGORITHM],
                issuer=ISSUER,
                leeway=_CLOCK_SKEW,
                # The claim "iat" is the time at which the token was made. If the clock of the auth service was ahead
                # and was then set back, this time is in the future. We ignore this, so that nobody is signed out.
                options={"require": ["exp", "iat", "sub", "iss", "email"], "verify_iat": False},
            )
        except jwt.ExpiredSignatureError:
            raise NotSignedIn("Your session has ended. Sign in again.") from None
        except jwt.PyJWTError:
            raise NotSignedIn("The token is not valid. Sign in again.") from None
        return SignedInUser(UserId(claims["sub"]), claims["email"])
