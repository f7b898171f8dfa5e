"""Creates the use cases, and reads the events that they recorded."""

from typing import cast

from expiration.tests.fake_timers import FakeTimers

from common.domain.clock import Clock, utc_now
from common.storage.collection import Database
from devkit.testing.in_memory import idle_relay
from expiration.repository import DeadlineRepository
from expiration.service import ExpirationService
from expiration.timers import TimerScheduler


def deadlines_in(database: Database, clock: Clock = utc_now) -> DeadlineRepository:
    """Its events stay in the outboxes, because no relay runs."""
    return DeadlineRepository(database["deadlines"], idle_relay(), clock)


def use_cases(database: Database, timers: FakeTimers) -> ExpirationService:
    return ExpirationService(deadlines_in(database), cast("TimerScheduler", timers), utc_now)


async def recorded_events(expiration: ExpirationService) -> list[tuple[str, str]]:
    """The type and the order of each event in the outboxes."""
    documents = await expiration._deadlines.collection.find({}).to_list()
    return [(event["headers"]["ce-type"], document["_id"]) for document in documents for event in document["outbox"]]
