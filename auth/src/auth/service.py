"""The use cases of the auth service, for example to sign up a user. The HTTP routes call them."""

from dataclasses import dataclass

from auth.passwords import Passwords
from auth.repository import UserRepository
from auth.token_signer import TokenSigner
from auth.user import User, WrongCredentials
from common.domain.ids import UserId
from common.domain.tokens import SignedInUser


@dataclass(frozen=True)
class Session:
    user: SignedInUser
    token: str


class AuthService:
    def __init__(self, users: UserRepository, passwords: Passwords, tokens: TokenSigner) -> None:
        self._users = users
        self._passwords = passwords
        self._tokens = tokens

    async def sign_up(self, *, email: str, password: str) -> Session:
        """Create a user, and sign this user in. Raises EmailTaken if another user has the same e-mail address."""
        user = User.register(email=email, password_hash=await self._passwords.hash(password))
        await self._users.add(user)
        return self._session_of(user)

    async def sign_in(self, *, email: str, password: str) -> Session:
        """Sign a user in. Raises WrongCredentials if the e-mail address is unknown or the password is wrong."""
        user = await self._users.find_by_email(email)
        if not await self._passwords.verify(password, user.password_hash if user else None) or user is None:
            raise WrongCredentials("The e-mail address or the password is wrong.")
        return self._session_of(user)

    def _session_of(self, user: User) -> Session:
        signed_in = SignedInUser(UserId(user.id), user.email)
        return Session(signed_in, self._tokens.sign(signed_in))
