"""Users in a real MongoDB: its unique index decides between concurrent signups with one address."""

import asyncio

import pytest

from auth.repository import UserRepository
from auth.user import EmailTaken, User
from common.domain.clock import utc_now
from common.storage.mongo import Mongo
from devkit.testing.in_memory import idle_relay

pytestmark = pytest.mark.both_drivers


@pytest.fixture
async def users(mongo: Mongo) -> UserRepository:
    users = UserRepository(mongo.database["users"], idle_relay(), utc_now)
    await users.create_indexes()
    return users


async def test_of_users_with_one_address_added_concurrently_one_is_stored(users: UserRepository) -> None:
    spellings = ("buyer@example.com", "BUYER@example.com", "Buyer@Example.Com")
    same = [User.register(email=email, password_hash="a hash") for email in spellings * 5]
    results = await asyncio.gather(*(users.add(user) for user in same), return_exceptions=True)
    assert results.count(None) == 1
    assert {type(result) for result in results} == {type(None), EmailTaken}
    assert await users.collection.count_documents({}) == 1
