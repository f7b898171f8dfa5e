"""Effectively once: however often an event is heard, and in whatever order, it has had its effect already."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bson import CodecOptions
from bson.raw_bson import RawBSONDocument

from common.messaging.consumer import Consumer
from common.messaging.dead_letters import SUBJECT
from common.messaging.provisioning import provision_consumers
from common.messaging.replay import REPLAYED, replay_subject
from common.messaging.streams import DEAD_LETTERS, DOMAIN_EVENTS, GENERAL_EVENTS, TIMERS
from faults.business import late_payments, some_business
from faults.exactly_once import events_unlike_changes
from faults.quiet import expire_what_is_open, until_quiet
from faults.scenario import Outcome, Scenario, promise
from faults.world import World, in_parallel
from marketplace.operations.stream_reader import StoredMessage, read_stream
from marketplace.registry import CONSUMERS_OF

_AT_ONCE = 100
_CONSUMERS = [consumer for consumers in CONSUMERS_OF.values() for consumer in consumers]
_AS_IT_LIES: CodecOptions[Any] = CodecOptions(document_class=RawBSONDocument)

Delivery = tuple[Consumer[Any], StoredMessage]


@dataclass(frozen=True)
class Everything:
    """All that the platform has stored and said."""

    documents: dict[tuple[str, str, str], bytes]
    """By service, collection and id: the document's bytes in the database."""
    events: dict[str, int]
    """By stream: the sequence of its last message."""
    timers: int
    rung: set[str]


async def run(world: World) -> Outcome:
    endings = await some_business(world, world.size(300, 12))
    late = await late_payments(world, world.size(10, 1))
    await expire_what_is_open(world)
    before = await _everything(world)
    deliveries = await _whole_stream(world)
    shuffled = world.random.sample(deliveries, len(deliveries))
    began = time.monotonic()
    passes = {"first": deliveries, "second": deliveries, "shuffled": shuffled}
    for done, (name, wanted) in enumerate(passes.items()):
        world.progress(done, len(passes) + 1)
        await _replay(world, wanted)
        await _expect_nothing_new(world, before, f"the {name} replay")
    rate = len(passes) * len(deliveries) / (time.monotonic() - began)
    await _replay_by_the_broker(world)
    await _expect_nothing_new(world, before, "the broker's own replay")
    wrong = await events_unlike_changes(world)
    promise(not wrong, f"the events are not the changes: {wrong[:3]}")
    return Outcome(
        done=f"{endings.total()} tickets {', '.join(endings)}; {late} refunded late payments",
        injected=f"every event from sequence 1, the timers' included, to every consumer: twice in order, once "
        f"shuffled, {_AT_ONCE} at once; then all {len(_CONSUMERS)} durable consumers deleted and made anew",
        checked="every document of every collection byte for byte; the last sequence of each stream; no timer set "
        "again; the events are the changes, each once",
        figures={
            "documents": str(len(before.documents)),
            "deliveries a pass": str(len(deliveries)),
            "deliveries a second": f"{rate:.0f}",
        },
    )


async def _everything(world: World) -> Everything:
    documents = {}
    for service, opened in world.operator.databases.items():
        database: Any = opened
        for name in await database.list_collection_names():
            collection = database[name].with_options(codec_options=_AS_IT_LIES)
            for document in await collection.find({}).to_list(None):
                documents[service, name, str(document["_id"])] = document.raw
    events = {}
    for stream in (DOMAIN_EVENTS, GENERAL_EVENTS, DEAD_LETTERS, TIMERS):
        info = await world.operator.broker.jetstream.stream_info(stream.name)
        events[stream.name] = info.state.last_seq
    timers = events.pop(TIMERS.name)
    rung = {message.subject async for message in read_stream(world.operator.broker, TIMERS.name, [TIMERS.subjects[1]])}
    return Everything(documents, events, timers, rung)


async def _expect_nothing_new(world: World, before: Everything, what: str) -> None:
    await until_quiet(world)
    after = await _everything(world)
    keys = before.documents.keys() | after.documents.keys()
    changed = [key for key in keys if before.documents.get(key) != after.documents.get(key)]
    kinds = Counter(f"{service} {collection}" for service, collection, _ in changed)
    promise(not changed, f"{what} changed documents: {dict(kinds)}, e.g. {' '.join(changed[0]) if changed else ''}")
    promise(
        after.events == before.events, f"{what} made events: the streams end at {after.events}, not {before.events}"
    )
    # The bell of an order that was paid in time still rings, in vain, once; but none is set anew.
    async for message in read_stream(
        world.operator.broker, TIMERS.name, list(TIMERS.subjects), from_sequence=before.timers + 1
    ):
        ringing = message.subject.startswith(TIMERS.subjects[1].removesuffix("*"))
        promise(ringing and message.subject not in before.rung, f"{what} set a timer: {message.subject}")


async def _whole_stream(world: World) -> list[Delivery]:
    """Each event of each stream, oldest first, for each consumer that hears its type."""
    deliveries = []
    for consumer in _CONSUMERS:
        subjects = [event.subjects() for event in consumer.on]
        messages = [each async for each in read_stream(world.operator.broker, consumer.stream.name, subjects)]
        promise(bool(messages), f"there is no event for {consumer.name}, so its replay would show nothing")
        deliveries += [(consumer, message) for message in messages]
    return sorted(deliveries, key=lambda delivery: delivery[1].stored_at)


async def _replay(world: World, deliveries: Sequence[Delivery]) -> None:
    client = world.operator.broker.client

    async def deliver(consumer: Consumer[Any], message: StoredMessage) -> None:
        headers = {**message.headers, SUBJECT: message.subject}
        answer = await client.request(replay_subject(consumer.name), message.data, timeout=15, headers=headers)
        promise(answer.data == REPLAYED, f"{consumer.name} said of {message.subject}: {answer.data.decode()}")

    await in_parallel((deliver(*each) for each in deliveries), at_most=_AT_ONCE)


async def _replay_by_the_broker(world: World) -> None:
    """A durable consumer that is made anew gets the whole history, as a handler added next year will."""
    jetstream = world.operator.broker.jetstream
    for consumer in _CONSUMERS:
        await jetstream.delete_consumer(consumer.stream.name, consumer.name)
        await provision_consumers(jetstream, [consumer])


SCENARIO = Scenario("Effectively once", run)
