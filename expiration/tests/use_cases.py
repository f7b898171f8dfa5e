"""The use cases as a test makes them, and what they have announced."""

from expiration.tests.fake_timers import FakeTimers

from common.domain.clock import Clock, utc_now
from common.storage.collection import Database
from devkit.testing.in_memory import idle_relay
from expiration.repository import DeadlineRepository
from expiration.service import ExpirationService


def deadlines_in(database: Database, clock: Clock = utc_now) -> DeadlineRepository:
    """What is announced stays in the outboxes, because nobody runs the relay."""
    return DeadlineRepository(database["deadlines"], idle_relay(clock), clock)


def use_cases(database: Database, timers: FakeTimers) -> ExpirationService:
    return ExpirationService(deadlines_in(database), timers, utc_now)


async def announced(expiration: ExpirationService) -> list[tuple[str, str]]:
    """Type and order of each event that lies in an outbox."""
    documents = await expiration._deadlines.collection.find({}).to_list()
    return [(event["headers"]["ce-type"], document["_id"]) for document in documents for event in document["outbox"]]
