"""The rules that every consumer must keep, run against every row of every service's CONSUMERS table.

Each consumer has a story in its service's tests/stories.py. It is told once as it happened; then with duplicates,
backwards, all at once, and with a death at each single write. What the service has stored in the end, and what it has
staged for publishing, must be the same.
"""

import asyncio
import dataclasses
import itertools
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from common.domain.event import Event
from common.domain.ids import new_id
from common.messaging.consumer import Consumer
from common.runtime.service_runtime import ServiceRuntime
from common.runtime.service_spec import ServiceSpec
from devkit.testing.events import EventStreams
from devkit.testing.eventually import eventually
from devkit.testing.interception import WRITES, Died, InterceptedCollection, Operation
from devkit.testing.running import Surroundings
from devkit.testing.service_samples import Story, stories_of
from marketplace.registry import SERVICES

ROWS = [(spec, consumer) for spec in SERVICES for consumer in spec.consumers]
EVERY_CONSUMER = pytest.mark.parametrize(("service", "consumer"), ROWS, ids=[consumer.name for _, consumer in ROWS])
STORIES: dict[str, Story] = {name: story for spec in SERVICES for name, story in stories_of(spec.name).items()}
"""By the name of the consumer; a story's events may concern the other consumers of its service as well."""


@dataclass
class Deaths:
    """Counts the writes of a service, and has it die before or after one of them."""

    at_write: int = 0
    after_it: bool = False
    writes: int = 0

    async def around(self, name: str, operation: Operation) -> Any:
        if name not in WRITES:
            return await operation()
        self.writes += 1
        if self.writes == self.at_write and not self.after_it:
            raise Died
        this_one = self.writes
        try:
            return await operation()
        finally:
            if this_one == self.at_write:  # also when the write was refused: a stale event's is
                raise Died


@dataclass
class Told:
    """A service that has heard a story: nothing consumes by itself and nothing relays, so every step is the test's."""

    service: ServiceSpec
    runtime: ServiceRuntime
    use_cases: Any
    deaths: Deaths

    async def hear(self, *events: Event) -> None:
        for event in events:
            (consumer,) = [consumer for consumer in self.service.consumers if type(event) in consumer.on]
            await consumer.handle(self.use_cases, event)

    async def stored(self) -> dict[str, list[dict[str, Any]]]:
        """Everything in the service's database; of what is staged for publishing, the ids."""
        database: Any = self.runtime.mongo.database
        state = {}
        for name in sorted(await database.list_collection_names()):
            documents = await database[name].find({}).sort("_id", 1).to_list(None)
            for document in documents:
                document["outbox"] = [entry["id"] for entry in document.get("outbox", [])]
                document.pop("charge_id", None)
            # What else a service keeps may contain random values: only the keys must be the same.
            in_own_form = name in self.service.other_collections
            state[name] = [{"_id": document["_id"]} for document in documents] if in_own_form else documents
        return state

    async def meaning(self) -> dict[str, list[dict[str, Any]]]:
        """What is stored, without how many steps led there."""
        state = await self.stored()
        read_models = {each.collection for each in self.service.read_models}
        for name, documents in state.items():
            for document in documents:
                document.pop("outbox", None)
                if name not in read_models:
                    document.pop("version", None)
        return state


@asynccontextmanager
async def telling(service: ServiceSpec, story: Story, surroundings: Surroundings) -> AsyncIterator[Told]:
    fresh = dataclasses.replace(surroundings, run_id=new_id())
    app = service.create_app(fresh.settings(service.settings, service.name), policy=fresh.policy)
    running: ServiceRuntime = app.state.dependencies.instance
    use_cases = app.state.dependencies.use_cases
    await running.broker.connect()
    for create_indexes in running.indexes:
        await create_indexes()
    await story.before(use_cases)
    deaths = Deaths()
    for part in vars(use_cases).values():
        if hasattr(part, "collection"):
            part.collection = InterceptedCollection(part.collection, deaths.around)
    yield Told(service, running, use_cases, deaths)
    await running.broker.close()
    await running.mongo.close()


async def as_it_happened(service: ServiceSpec, story: Story, surroundings: Surroundings) -> tuple[Any, Any, int]:
    async with telling(service, story, surroundings) as told:
        await told.hear(*story.events)
        return await told.stored(), await told.meaning(), told.deaths.writes


def test_every_consumer_has_a_story_under_its_durable_name_in_which_it_reacts() -> None:
    """A durable consumer is never renamed: a new name would replay the whole history."""
    assert STORIES.keys() == {consumer.name for _, consumer in ROWS}
    for _, consumer in ROWS:
        assert {type(event) for event in STORIES[consumer.name].events} & set(consumer.on)


@EVERY_CONSUMER
async def test_a_duplicate_of_any_event_has_no_effect(
    service: ServiceSpec, consumer: Consumer[Any], surroundings: Surroundings
) -> None:
    story = STORIES[consumer.name]
    async with telling(service, story, surroundings) as told:
        before = await told.stored()
        await told.hear(*story.events)
        once = await told.stored()
        assert once != before
        for event in story.events:
            await told.hear(event, event)
        await told.hear(*story.events, *reversed(story.events))
        assert await told.stored() == once


@EVERY_CONSUMER
async def test_an_old_version_after_a_newer_one_never_wins_whatever_the_order(
    service: ServiceSpec, consumer: Consumer[Any], surroundings: Surroundings
) -> None:
    story = STORIES[consumer.name]
    _, meaning, _ = await as_it_happened(service, story, surroundings)
    for order in itertools.permutations(story.events):
        async with telling(service, story, surroundings) as told:
            await told.hear(*order)
            assert await told.meaning() == meaning


@EVERY_CONSUMER
async def test_deliveries_that_run_side_by_side_end_as_if_one_had_followed_the_other(
    service: ServiceSpec, consumer: Consumer[Any], surroundings: Surroundings
) -> None:
    story = STORIES[consumer.name]
    _, meaning, _ = await as_it_happened(service, story, surroundings)
    for seed in range(5):
        deliveries = [event for event in story.events for _ in range(4)]
        random.Random(seed).shuffle(deliveries)
        async with telling(service, story, surroundings) as told:
            await asyncio.gather(*(told.hear(event) for event in deliveries))
            assert await told.meaning() == meaning


@EVERY_CONSUMER
@pytest.mark.parametrize("after_it", [False, True], ids=["before the write", "after the write"])
async def test_a_death_at_any_write_is_made_good_by_the_next_delivery(
    service: ServiceSpec, consumer: Consumer[Any], surroundings: Surroundings, *, after_it: bool
) -> None:
    story = STORIES[consumer.name]
    stored, _, writes = await as_it_happened(service, story, surroundings)
    assert writes > 0
    for moment in range(1, writes + 1):
        async with telling(service, story, surroundings) as told:
            told.deaths.at_write, told.deaths.after_it = moment, after_it
            died = 0
            for event in story.events:
                try:
                    await told.hear(event)
                except Died:  # not acknowledged, so delivered again
                    died += 1
                    await told.hear(event)
            assert died == 1
            assert await told.stored() == stored


@EVERY_CONSUMER
async def test_a_malformed_event_becomes_a_dead_letter_and_does_not_delay_the_next_one(
    service: ServiceSpec, consumer: Consumer[Any], surroundings: Surroundings, streams: EventStreams
) -> None:
    story = STORIES[consumer.name]
    settings = surroundings.settings(service.settings, service.name)
    subject = consumer.on[0].subjects().replace("*", new_id())
    async with surroundings.running(
        lambda: service.create_app(settings, policy=surroundings.policy), service.consumers
    ) as running:
        await story.before(running.use_cases)
        await streams.publish_bytes(subject, b'{"half": ')
        for event in story.events:
            await streams.publish_bytes(event.subject, event.to_json().encode())
        (letter,) = await eventually(streams.dead_letters, what="the dead letter")
        await streams.eventually_quiet(*(each.name for each in service.consumers))
        assert len(await streams.dead_letters()) == 1
    assert (letter.data, letter.headers["dead-letter-consumer"]) == (b'{"half": ', consumer.name)
