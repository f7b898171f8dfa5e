"""The rules that every consumer must keep, run against every row of every service's CONSUMERS table.

Each consumer has a story in its service's tests/stories.py. It is handled once in order; then with duplicates,
reversed, concurrently, and with a death of the process at each write. The stored state and the staged events must be
the same in all cases.
"""

import asyncio
import dataclasses
import itertools
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from common.domain.event import Message
from common.domain.ids import new_id
from common.events.envelope import decode
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
"""By the name of the consumer. Other consumers of the service may handle the same events, or some of them."""


@dataclass
class Deaths:
    """Counts the writes of a service, and lets the process die before or after one of them."""

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
            if this_one == self.at_write:  # also if the write was refused, as that of an old event is
                raise Died


@dataclass
class ServiceInStory:
    """A service whose consumers and relay do not run: the test calls the handlers itself."""

    service: ServiceSpec
    runtime: ServiceRuntime
    use_cases: Any
    deaths: Deaths

    async def handle(self, *events: Message) -> None:
        for event in events:
            for consumer in self.service.consumers:
                if type(event) in consumer.on:
                    await consumer.handle(self.use_cases, event)

    async def stored(self) -> dict[str, list[dict[str, Any]]]:
        """Everything in the service's database; of staged events only the ids."""
        database: Any = self.runtime.mongo.database
        state = {}
        for name in sorted(await database.list_collection_names()):
            documents = await database[name].find({}).sort("_id", 1).to_list(None)
            for document in documents:
                document["outbox"] = [entry["id"] for entry in document.get("outbox", [])]
                document.pop("charge_id", None)
            # The service may keep random values in its other collections: the test checks only the keys.
            only_keys = name in self.service.other_collections
            state[name] = [{"_id": document["_id"]} for document in documents] if only_keys else documents
        return state

    async def state_without_versions(self) -> dict[str, list[dict[str, Any]]]:
        """What is stored, without versions and outboxes, which depend on the number of steps."""
        state = await self.stored()
        read_models = {each.collection for each in self.service.read_models}
        for name, documents in state.items():
            for document in documents:
                document.pop("outbox", None)
                if name not in read_models:
                    document.pop("version", None)
        return state


@asynccontextmanager
async def prepared(service: ServiceSpec, story: Story, surroundings: Surroundings) -> AsyncIterator[ServiceInStory]:
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
    yield ServiceInStory(service, running, use_cases, deaths)
    await running.broker.close()
    await running.mongo.close()


async def run_once(service: ServiceSpec, story: Story, surroundings: Surroundings) -> tuple[Any, Any, int]:
    async with prepared(service, story, surroundings) as service_in_story:
        await service_in_story.handle(*story.events)
        return (
            await service_in_story.stored(),
            await service_in_story.state_without_versions(),
            service_in_story.deaths.writes,
        )


def test_every_consumer_has_a_story_under_its_durable_name() -> None:
    """A durable consumer is never renamed: with a new name it would receive all events again."""
    assert STORIES.keys() == {consumer.name for _, consumer in ROWS}
    for _, consumer in ROWS:
        assert {type(event) for event in STORIES[consumer.name].events} & set(consumer.on)


@EVERY_CONSUMER
async def test_a_duplicate_of_any_event_has_no_effect(
    service: ServiceSpec, consumer: Consumer[Any], surroundings: Surroundings
) -> None:
    story = STORIES[consumer.name]
    async with prepared(service, story, surroundings) as service_in_story:
        before = await service_in_story.stored()
        await service_in_story.handle(*story.events)
        once = await service_in_story.stored()
        assert once != before, f"the story of {consumer.name} (tests/stories.py) must lead to a write of its handler"
        for event in story.events:
            await service_in_story.handle(event, event)
        await service_in_story.handle(*story.events, *reversed(story.events))
        assert await service_in_story.stored() == once


@EVERY_CONSUMER
async def test_in_any_order_an_old_version_never_replaces_a_newer_one(
    service: ServiceSpec, consumer: Consumer[Any], surroundings: Surroundings
) -> None:
    story = STORIES[consumer.name]
    _, state_without_versions, _ = await run_once(service, story, surroundings)
    for order in itertools.permutations(story.events):
        async with prepared(service, story, surroundings) as service_in_story:
            await service_in_story.handle(*order)
            assert await service_in_story.state_without_versions() == state_without_versions


@EVERY_CONSUMER
async def test_concurrent_deliveries_end_like_consecutive_ones(
    service: ServiceSpec, consumer: Consumer[Any], surroundings: Surroundings
) -> None:
    story = STORIES[consumer.name]
    _, state_without_versions, _ = await run_once(service, story, surroundings)
    for seed in range(5):
        deliveries = [event for event in story.events for _ in range(4)]
        random.Random(seed).shuffle(deliveries)
        async with prepared(service, story, surroundings) as service_in_story:
            await asyncio.gather(*(service_in_story.handle(event) for event in deliveries))
            assert await service_in_story.state_without_versions() == state_without_versions


@EVERY_CONSUMER
@pytest.mark.parametrize("after_it", [False, True], ids=["before the write", "after the write"])
async def test_the_next_delivery_completes_a_handler_that_died_at_any_write(
    service: ServiceSpec, consumer: Consumer[Any], surroundings: Surroundings, *, after_it: bool
) -> None:
    story = STORIES[consumer.name]
    stored, _, writes = await run_once(service, story, surroundings)
    assert writes > 0, f"the story of {consumer.name} (tests/stories.py) must lead to a write of its handler"
    for moment in range(1, writes + 1):
        async with prepared(service, story, surroundings) as service_in_story:
            service_in_story.deaths.at_write, service_in_story.deaths.after_it = moment, after_it
            died = 0
            for event in story.events:
                try:
                    await service_in_story.handle(event)
                except Died:  # not acknowledged, so delivered again
                    died += 1
                    await service_in_story.handle(event)
            assert died == 1
            assert await service_in_story.stored() == stored


@EVERY_CONSUMER
async def test_a_malformed_event_becomes_a_dead_letter_and_does_not_delay_the_next_one(
    service: ServiceSpec, consumer: Consumer[Any], surroundings: Surroundings, streams: EventStreams
) -> None:
    story = STORIES[consumer.name]
    settings = surroundings.settings(service.settings, service.name)
    subject = consumer.on[0].subjects().replace("*", new_id())
    receiving = {each.name for each in service.consumers if consumer.on[0] in each.on}
    async with surroundings.running(
        lambda: service.create_app(settings, policy=surroundings.policy), service.consumers
    ) as running:
        await story.before(running.use_cases)
        await streams.publish_bytes(subject, b'{"half": ')
        for event in story.events:
            await streams.publish_bytes(event.subject, event.to_json().encode())
        await eventually(streams.dead_letters, what="a dead letter")
        await streams.eventually_quiet(*(each.name for each in service.consumers))
        letters = await streams.dead_letters()
    assert {letter.data for letter in letters} == {b'{"half": '}
    assert sorted(letter.headers["dead-letter-consumer"] for letter in letters) == sorted(receiving)


@EVERY_CONSUMER
async def test_an_event_of_a_newer_publisher_is_handled_as_today(
    service: ServiceSpec, consumer: Consumer[Any], surroundings: Surroundings
) -> None:
    """In a rollout, instances of the old version receive what instances of the new version publish."""
    story = STORIES[consumer.name]
    stored, _, _ = await run_once(service, story, surroundings)
    async with prepared(service, story, surroundings) as in_story:
        await in_story.handle(*(decode(event.subject, _from_a_newer_publisher(event)) for event in story.events))
        assert await in_story.stored() == stored


def _from_a_newer_publisher(event: Message) -> bytes:
    """With a field, and a value of `status`, that this version does not know."""
    newer = json.loads(event.to_json()) | {"addedLater": {"any": "value"}}
    if "status" in newer:
        newer["status"] = "added later"
    return json.dumps(newer).encode()
