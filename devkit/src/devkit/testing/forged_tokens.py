"""Creates session tokens for tests: valid tokens, and tokens that every service must refuse."""

import base64
import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec_key
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa_key

from common.domain.clock import utc_now
from devkit.testing.keys import KeyPair

USER_ID = "65f0c0ffee00000000000001"
EMAIL = "buyer@example.com"


def claims(**changed: object) -> dict[str, object]:
    """Return the claims (the fields) of a valid token of the auth service, but with the values in `changed`.

    If the value of a claim in `changed` is None, the token does not have this claim.
    """
    now = utc_now()
    all_claims = {
        "iss": "ticket-marketplace/auth",
        "sub": USER_ID,
        "email": EMAIL,
        "iat": now,
        "exp": now + timedelta(hours=12),
        **changed,
    }
    return {name: value for name, value in all_claims.items() if value is not None}


def signed(keys: KeyPair, *, headers: dict[str, Any] | None = None, **changed: object) -> str:
    """Return a token with the fields of `claims(**changed)`, signed with the private key in `keys`."""
    return jwt.encode(claims(**changed), keys.private, algorithm="EdDSA", headers=headers)


def _part(content: dict[str, Any] | bytes) -> str:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _hmac_signed_with(secret: str, content: str) -> str:
    """Return a forged token with this content, which is signed with `secret` and the algorithm HS256.

    Services verify tokens with a public key, which an attacker also knows. If a service wrongly accepted HS256, it
    would use this public key as the secret. Then the attacker could sign tokens with the public key. We do not make
    such a token with the library jwt, because it refuses to use a public key as a secret.
    """
    unsigned = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{content}"
    return f"{unsigned}.{_part(hmac.digest(secret.encode(), unsigned.encode(), hashlib.sha256))}"


def forged_tokens(keys: KeyPair) -> dict[str, str]:
    good = signed(keys)
    header, content, signature = good.split(".")
    another_user = _part({**jwt.decode(good, options={"verify_signature": False}), "sub": "65f0c0ffee00000000000002"})
    now = utc_now()
    # A service accepts a token up to 30 s after it has expired, and up to 30 s before it is valid.
    # The differences below are larger. Tokens with these times stay invalid for at least one minute, which is long
    # enough for the test.
    from_now = {seconds: now + timedelta(seconds=seconds) for seconds in (-3600, -40, 90, 3600)}
    unsigned = {f"alg {alg}": f"{_part({'alg': alg, 'typ': 'JWT'})}.{content}." for alg in ("none", "None", "nOnE")}
    return unsigned | {
        "garbage": "garbage",
        "dots": "..",
        "three words": "a.b.c",
        "no text": "\u00ff\u00fe",
        "10 KB of nothing": "a" * 10_000,
        "10 KB, signed": signed(keys, padding="a" * 10_000),
        "other key": signed(KeyPair.generate()),
        "other user under the same signature": f"{header}.{another_user}.{signature}",
        "no signature": f"{header}.{content}.",
        "two parts": f"{header}.{content}",
        "half a signature": f"{header}.{content}.{signature[:43]}",
        "alg none with a signature": f"{_part({'alg': 'none'})}.{content}.{signature}",
        "no alg": f"{_part({'typ': 'JWT'})}.{content}.{signature}",
        "HS256 with the public key for a secret": _hmac_signed_with(keys.public, content),
        "HS256 with its text, stripped": _hmac_signed_with(keys.public.strip(), content),
        "HS256 with no secret": _hmac_signed_with("", content),
        "header says RS256": f"{_part({'alg': 'RS256', 'typ': 'JWT'})}.{content}.{signature}",
        "RS256": jwt.encode(claims(), generate_rsa_key(65537, 2048), algorithm="RS256"),
        "ES256": jwt.encode(claims(), generate_ec_key(SECP256R1()), algorithm="ES256"),
        "EdDSA, of the other curve": jwt.encode(claims(), Ed448PrivateKey.generate(), algorithm="EdDSA"),
        "a demand that is not understood": signed(keys, headers={"crit": ["x"], "x": 1}),
        "expired an hour ago": signed(keys, exp=from_now[-3600]),
        "expired 40 s ago": signed(keys, exp=from_now[-40]),
        "not valid yet": signed(keys, nbf=from_now[90]),
        "other issuer": signed(keys, iss="https://example.com"),
        "sub is a number": signed(keys, sub=7),
        "exp is a word": signed(keys, exp="tomorrow"),
        **{f"without {name}": signed(keys, **{name: None}) for name in ("exp", "iat", "sub", "iss", "email")},
    }
