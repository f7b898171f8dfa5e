"""Session tokens: accepted if auth signed them, they are complete, and they have not expired."""

from datetime import timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from auth.token_signer import TOKEN_LIFETIME, TokenSigner
from common.domain.clock import utc_now
from common.domain.errors import NotSignedIn
from common.domain.ids import UserId
from common.domain.tokens import SignedInUser, TokenVerifier
from devkit.testing.forged_tokens import forged_tokens, signed
from devkit.testing.keys import KeyPair

USER = SignedInUser(UserId("65f0c0ffee00000000000001"), "buyer@example.com")
NAMES = [*forged_tokens(KeyPair.generate()), "nothing"]


@pytest.fixture(scope="module")
def forged(keys: KeyPair) -> dict[str, str]:
    return forged_tokens(keys) | {"nothing": ""}


@pytest.fixture
def verifier(keys: KeyPair) -> TokenVerifier:
    return TokenVerifier(keys.public)


def test_a_token_that_auth_signed_names_its_user(keys: KeyPair, verifier: TokenVerifier) -> None:
    assert verifier.verify(TokenSigner(keys.private, utc_now).sign(USER)) == USER


@pytest.mark.parametrize("name", NAMES)
def test_an_invalid_token_is_refused_without_the_reason(
    name: str, forged: dict[str, str], verifier: TokenVerifier
) -> None:
    with pytest.raises(NotSignedIn) as refused:
        verifier.verify(forged[name])
    assert refused.value.detail in {"The token is not valid. Sign in again.", "Your session has ended. Sign in again."}
    assert refused.value.__cause__ is None, "the library's reason is not shown"


def test_a_token_is_valid_for_twelve_hours(keys: KeyPair, verifier: TokenVerifier) -> None:
    assert timedelta(hours=12) == TOKEN_LIFETIME
    almost_over = TokenSigner(keys.private, lambda: utc_now() - TOKEN_LIFETIME + timedelta(minutes=1)).sign(USER)
    over = TokenSigner(keys.private, lambda: utc_now() - TOKEN_LIFETIME - timedelta(minutes=1)).sign(USER)
    assert verifier.verify(almost_over) == USER
    with pytest.raises(NotSignedIn, match="session has ended"):
        verifier.verify(over)


def test_clocks_may_differ_by_less_than_half_a_minute(keys: KeyPair, verifier: TokenVerifier) -> None:
    assert verifier.verify(signed(keys, exp=utc_now() - timedelta(seconds=20))) == USER


def test_a_token_stays_valid_when_the_clock_that_was_an_hour_ahead_is_set_back(
    keys: KeyPair, verifier: TokenVerifier
) -> None:
    """The kind of fault: https://github.com/jpadilla/pyjwt/issues/824."""
    assert verifier.verify(TokenSigner(keys.private, lambda: utc_now() + timedelta(hours=1)).sign(USER)) == USER


def test_a_token_contains_only_user_issuer_and_times(keys: KeyPair) -> None:
    token = TokenSigner(keys.private, utc_now).sign(USER)
    assert set(jwt.decode(token, options={"verify_signature": False})) == {"iss", "sub", "email", "iat", "exp"}
    assert jwt.get_unverified_header(token) == {"alg": "EdDSA", "typ": "JWT"}


def test_the_token_of_the_longest_address_is_not_too_long(keys: KeyPair, verifier: TokenVerifier) -> None:
    longest = SignedInUser(USER.id, "é" * 127)  # 254 bytes, of which each two become six in the token
    assert verifier.verify(TokenSigner(keys.private, utc_now).sign(longest)) == longest


def test_keys_of_another_kind_are_refused() -> None:
    key = Ed448PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    with pytest.raises(ValueError, match="must be an unencrypted Ed25519 private key in PEM"):
        TokenSigner(private, utc_now)
    for text in (public, private, "", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"):
        with pytest.raises(ValueError, match="must be an Ed25519 public key in PEM"):
            TokenVerifier(text)
