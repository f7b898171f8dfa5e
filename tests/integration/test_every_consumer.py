"""The rules that every consumer must keep, run against every row of every service's CONSUMERS table.

Each consumer has a story in its service's tests/stories.py. It is handled once in order; then with duplicates,
reversed, concurrently, and with a death of the process at each write. The stored state and the staged events must be
the same in all cases.
"""

import asyncio
import itertools
import json
import random
from typing import Any

import pytest
from integration.service_in_story import EVERY_CONSUMER, ROWS, STORIES, prepared

from common.domain.event import Message
from common.domain.ids import new_id
from common.events.envelope import decode
from common.messaging.consumer import Consumer
from common.runtime.service_spec import ServiceSpec
from devkit.testing.events import EventStreams
from devkit.testing.eventually import eventually
from devkit.testing.interception import Died
from devkit.testing.running import Surroundings
from devkit.testing.service_samples import Story


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
