"""Effectively once: repeated deliveries of an event, in any order, have no further effect."""

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
from faults.context import ScenarioContext, run_concurrently
from faults.event_counts import wrong_event_counts
from faults.idle import expire_open_orders, wait_until_idle
from faults.sales import refund_late_payments, run_sales
from faults.scenario import Outcome, Scenario, require
from marketplace.operations.stream_reader import StoredMessage, read_stream
from marketplace.registry import CONSUMERS_OF

_AT_ONCE = 100
_CONSUMERS = [consumer for consumers in CONSUMERS_OF.values() for consumer in consumers]
_AS_IT_LIES: CodecOptions[Any] = CodecOptions(document_class=RawBSONDocument)

Delivery = tuple[Consumer[Any], StoredMessage]


@dataclass(frozen=True)
class Everything:
    """The state of all databases and streams."""

    documents: dict[tuple[str, str, str], bytes]
    """The document's stored bytes, by service, collection and id."""
    events: dict[str, int]
    """The last sequence of each stream."""
    timers: int
    fired: set[str]


async def run(context: ScenarioContext) -> Outcome:
    endings = await run_sales(context, context.size(300, 12))
    late = await refund_late_payments(context, context.size(10, 1))
    await expire_open_orders(context)
    before = await _everything(context)
    deliveries = await _whole_stream(context)
    shuffled = context.random.sample(deliveries, len(deliveries))
    began = time.monotonic()
    passes = {"first": deliveries, "second": deliveries, "shuffled": shuffled}
    for done, (name, wanted) in enumerate(passes.items()):
        context.progress(done, len(passes) + 1)
        await _replay(context, wanted)
        await _expect_nothing_new(context, before, f"the {name} replay")
    rate = len(passes) * len(deliveries) / (time.monotonic() - began)
    await _replay_by_the_broker(context)
    await _expect_nothing_new(context, before, "the broker's own replay")
    wrong = await wrong_event_counts(context)
    require(not wrong, f"events and changes differ: {wrong[:3]}")
    return Outcome(
        done=f"{endings.total()} tickets {', '.join(endings)}; {late} refunded late payments",
        injected=f"every event from sequence 1, timers included, to every consumer: twice in order, once "
        f"shuffled, {_AT_ONCE} at once; then all {len(_CONSUMERS)} durable consumers deleted and created again",
        checked="every document of every collection byte for byte; the last sequence of each stream; no timer set "
        "again; one event per change",
        figures={
            "documents": str(len(before.documents)),
            "deliveries per pass": str(len(deliveries)),
            "deliveries per second": f"{rate:.0f}",
        },
    )


async def _everything(context: ScenarioContext) -> Everything:
    documents = {}
    for service, opened in context.operator.databases.items():
        database: Any = opened
        for name in await database.list_collection_names():
            collection = database[name].with_options(codec_options=_AS_IT_LIES)
            for document in await collection.find({}).to_list(None):
                documents[service, name, str(document["_id"])] = document.raw
    events = {}
    for stream in (DOMAIN_EVENTS, GENERAL_EVENTS, DEAD_LETTERS, TIMERS):
        info = await context.operator.broker.jetstream.stream_info(stream.name)
        events[stream.name] = info.state.last_seq
    timers = events.pop(TIMERS.name)
    fired = {
        message.subject async for message in read_stream(context.operator.broker, TIMERS.name, [TIMERS.subjects[1]])
    }
    return Everything(documents, events, timers, fired)


async def _expect_nothing_new(context: ScenarioContext, before: Everything, what: str) -> None:
    await wait_until_idle(context)
    after = await _everything(context)
    keys = before.documents.keys() | after.documents.keys()
    changed = [key for key in keys if before.documents.get(key) != after.documents.get(key)]
    kinds = Counter(f"{service} {collection}" for service, collection, _ in changed)
    require(not changed, f"{what} changed documents: {dict(kinds)}, e.g. {' '.join(changed[0]) if changed else ''}")
    require(
        after.events == before.events, f"{what} made events: the streams end at {after.events}, not {before.events}"
    )
    # The timer of a paid order still fires once, without effect; but no timer may be set again.
    async for message in read_stream(
        context.operator.broker, TIMERS.name, list(TIMERS.subjects), from_sequence=before.timers + 1
    ):
        firing = message.subject.startswith(TIMERS.subjects[1].removesuffix("*"))
        require(firing and message.subject not in before.fired, f"{what} set a timer: {message.subject}")


async def _whole_stream(context: ScenarioContext) -> list[Delivery]:
    """Return each event of each stream, oldest first, for each consumer of its type."""
    deliveries = []
    for consumer in _CONSUMERS:
        subjects = [event.subjects() for event in consumer.on]
        messages = [each async for each in read_stream(context.operator.broker, consumer.stream.name, subjects)]
        require(bool(messages), f"there is no event for {consumer.name}: its replay would test nothing")
        deliveries += [(consumer, message) for message in messages]
    return sorted(deliveries, key=lambda delivery: delivery[1].stored_at)


async def _replay(context: ScenarioContext, deliveries: Sequence[Delivery]) -> None:
    client = context.operator.broker.client

    async def deliver(consumer: Consumer[Any], message: StoredMessage) -> None:
        headers = {**message.headers, SUBJECT: message.subject}
        answer = await client.request(replay_subject(consumer.name), message.data, timeout=15, headers=headers)
        require(answer.data == REPLAYED, f"{consumer.name} answered for {message.subject}: {answer.data.decode()}")

    await run_concurrently((deliver(*each) for each in deliveries), at_most=_AT_ONCE)


async def _replay_by_the_broker(context: ScenarioContext) -> None:
    """Delete and create each durable consumer: the broker then delivers the whole stream again."""
    jetstream = context.operator.broker.jetstream
    for consumer in _CONSUMERS:
        await jetstream.delete_consumer(consumer.stream.name, consumer.name)
        await provision_consumers(jetstream, [consumer])


SCENARIO = Scenario("Effectively once", run)
