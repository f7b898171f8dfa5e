"""Stores users in MongoDB."""

from pymongo.errors import DuplicateKeyError

from auth.user import EmailTaken, User
from common.domain.clock import Clock
from common.storage.collection import Collection
from common.storage.relay import Relay
from common.storage.repository import AggregateRepository


class UserRepository(AggregateRepository[User]):
    def __init__(self, collection: Collection, relay: Relay, clock: Clock) -> None:
        super().__init__(collection, User, relay, clock)

    async def create_indexes(self) -> None:
        await self.collection.create_index("email", unique=True)

    async def add(self, user: User) -> None:
        """Store a new user. If another user has the same e-mail address, store nothing and raise EmailTaken."""
        try:
            await super().add(user)
        except DuplicateKeyError:
            raise EmailTaken("Sign in, or sign up with another address.", argument="email") from None

    async def find_by_email(self, email: str) -> User | None:
        return await self.find_one({"email": email.lower()})
