"""Who is asking: tokens signed by auth with an Ed25519 key, verified everywhere else with its public half."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from fastapi import Depends, Request
from fastapi.security import APIKeyCookie, HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials

from common.domain.clock import Clock
from common.domain.errors import NotSignedIn
from common.domain.ids import UserId

COOKIE = "session"
TOKEN_LIFETIME = timedelta(hours=12)
_ISSUER = "ticket-marketplace/auth"
_ALGORITHM = "EdDSA"  # pinned: what the token says of itself does not count
_CLOCK_SKEW = timedelta(seconds=30)
"""So much may the clocks of two machines differ before a fresh token is refused."""
_LONGEST_TOKEN = 2048


@dataclass(frozen=True)
class SignedInUser:
    id: UserId
    email: str


def parse_private_key(pem: str) -> Ed25519PrivateKey:
    """Raises ValueError, which does not show the key."""
    with suppress(ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: it is encrypted
        key = load_pem_private_key(pem.encode(), password=None)
        if isinstance(key, Ed25519PrivateKey):
            return key
    raise ValueError("must be an unencrypted Ed25519 private key in PEM")


def parse_public_key(pem: str) -> Ed25519PublicKey:
    """Raises ValueError."""
    with suppress(ValueError, UnsupportedAlgorithm):
        key = load_pem_public_key(pem.encode())
        if isinstance(key, Ed25519PublicKey):
            return key
    raise ValueError("must be an Ed25519 public key in PEM")


class TokenSigner:
    """Held by auth alone."""

    def __init__(self, private_key: str, clock: Clock) -> None:
        # Parsed once, here and below: from text, PyJWT would parse it again for every token.
        self._private_key = parse_private_key(private_key)
        self._clock = clock

    def sign(self, user: SignedInUser) -> str:
        now = self._clock()
        claims = {"iss": _ISSUER, "sub": user.id, "email": user.email, "iat": now, "exp": now + TOKEN_LIFETIME}
        return jwt.encode(claims, self._private_key, algorithm=_ALGORITHM)


class TokenVerifier:
    def __init__(self, public_key: str) -> None:
        self._public_key = parse_public_key(public_key)

    def verify(self, token: str) -> SignedInUser:
        """Raises NotSignedIn: forged, expired, without expiry, or signed in any other way than auth does."""
        if len(token) > _LONGEST_TOKEN:
            raise NotSignedIn("The token is not valid. Sign in again.")
        try:
            claims = jwt.decode(
                token,
                self._public_key,
                algorithms=[_ALGORITHM],
                issuer=_ISSUER,
                leeway=_CLOCK_SKEW,
                options={"require": ["exp", "iat", "sub", "iss", "email"]},
            )
        except jwt.ExpiredSignatureError:
            raise NotSignedIn("Your session has ended. Sign in again.") from None
        except jwt.PyJWTError:
            raise NotSignedIn("The token is not valid. Sign in again.") from None
        return SignedInUser(UserId(claims["sub"]), claims["email"])


_cookie = APIKeyCookie(name=COOKIE, auto_error=False, description="Set by signing in.")
_bearer = HTTPBearer(auto_error=False, description="The value of the session cookie works as a bearer token, too.")


# FastAPI runs a dependency that is a plain function in a worker thread, each of them for each request; one that is
# async, though it waits for nothing, it just calls. What that gave is in docs/performance.md.


async def session_token(
    cookie: Annotated[str | None, Depends(_cookie)],
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> str | None:
    return bearer.credentials if bearer else cookie


async def token_of(request: Request) -> str | None:
    """The same outside of a dependency."""
    return await session_token(await _cookie(request), await _bearer(request))


async def signed_in_user(request: Request, token: Annotated[str | None, Depends(session_token)]) -> SignedInUser:
    if not token:
        raise NotSignedIn("Sign in at POST /api/users/signin, then send its cookie or a bearer token.")
    verifier: TokenVerifier = request.app.state.token_verifier
    return verifier.verify(token)


CurrentUser = Annotated[SignedInUser, Depends(signed_in_user)]
"""A parameter of a route that needs somebody signed in: 401 otherwise."""
