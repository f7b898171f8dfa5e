"""The use cases of auth."""

from dataclasses import dataclass

from auth.passwords import Passwords
from auth.repository import UserRepository
from auth.user import User, WrongCredentials


@dataclass(frozen=True)
class AuthService:
    users: UserRepository
    passwords: Passwords

    async def sign_up(self, *, email: str, password: str) -> User:
        """Raises EmailTaken."""
        user = User.register(email=email, password_hash=await self.passwords.hash(password))
        await self.users.add(user)
        return user

    async def sign_in(self, *, email: str, password: str) -> User:
        """Raises WrongCredentials."""
        user = await self.users.find_by_email(email)
        if not await self.passwords.verify(password, user.password_hash if user else None) or user is None:
            raise WrongCredentials("The e-mail address or the password is wrong.")
        return user
