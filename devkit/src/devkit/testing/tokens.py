"""Signs session tokens in the same way as the auth service."""

from dataclasses import dataclass
from datetime import timedelta

import jwt

from common.domain.clock import utc_now
from common.domain.tokens import ALGORITHM, ISSUER, SignedInUser


@dataclass(frozen=True)
class TokenSigner:
    private_key: str
    """The private key in PEM format."""

    def sign(self, user: SignedInUser) -> str:
        now = utc_now()
        claims = {"iss": ISSUER, "sub": user.id, "email": user.email, "iat": now, "exp": now + timedelta(hours=12)}
        return jwt.encode(claims, self.private_key, algorithm=ALGORITHM)
