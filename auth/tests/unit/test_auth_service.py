"""The use cases of auth, on a database in memory."""

import pytest

from auth.passwords import Passwords
from auth.repository import UserRepository
from auth.service import AuthService
from auth.token_signer import TokenSigner
from auth.user import EmailTaken, WrongCredentials
from common.domain.clock import utc_now
from devkit.testing.in_memory import idle_relay, in_memory_database
from devkit.testing.keys import KeyPair

PASSWORD = "correct horse battery"


class Unhashed(Passwords):
    """Hashes instantly."""

    def __init__(self) -> None:
        self.verified: list[str | None] = []

    async def hash(self, password: str) -> str:
        return f"hash of {password}"

    async def verify(self, password: str, password_hash: str | None) -> bool:
        self.verified.append(password_hash)
        return password_hash == f"hash of {password}"


@pytest.fixture
def passwords() -> Unhashed:
    return Unhashed()


@pytest.fixture
async def auth(passwords: Unhashed) -> AuthService:
    users = UserRepository(in_memory_database("auth")["users"], idle_relay(), utc_now)
    await users.create_indexes()
    return AuthService(users, passwords, TokenSigner(KeyPair.generate().private, utc_now))


async def test_a_user_can_sign_in_with_the_address_in_any_case(auth: AuthService) -> None:
    user = (await auth.sign_up(email="Buyer@Example.com", password=PASSWORD)).user
    for email in ("Buyer@Example.com", "buyer@example.com", "BUYER@EXAMPLE.COM"):
        assert (await auth.sign_in(email=email, password=PASSWORD)).user == user


async def test_an_address_can_be_signed_up_once_in_any_case(auth: AuthService) -> None:
    await auth.sign_up(email="buyer@example.com", password=PASSWORD)
    for email in ("buyer@example.com", "BUYER@example.com", "Buyer@Example.Com"):
        with pytest.raises(EmailTaken) as taken:
            await auth.sign_up(email=email, password="another password")
        assert taken.value.argument == "email"
    assert await auth.sign_in(email="buyer@example.com", password=PASSWORD), "the first user is unchanged"


async def test_a_wrong_password_and_an_unknown_address_are_the_same_error(auth: AuthService) -> None:
    await auth.sign_up(email="buyer@example.com", password=PASSWORD)
    details = set()
    for email, password in (("buyer@example.com", "wrong password"), ("nobody@example.com", PASSWORD)):
        with pytest.raises(WrongCredentials) as refused:
            await auth.sign_in(email=email, password=password)
        details.add((refused.value.detail, refused.value.argument))
    assert len(details) == 1


async def test_a_password_is_verified_even_for_an_unknown_address(auth: AuthService, passwords: Unhashed) -> None:
    """Otherwise the time of the answer would show which addresses are known."""
    with pytest.raises(WrongCredentials):
        await auth.sign_in(email="nobody@example.com", password=PASSWORD)
    assert passwords.verified == [None]
