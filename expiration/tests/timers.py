"""Reads the deadlines that expiration stores, and the timers that the broker stores for it."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import bson

from common.events.orders import OrderEvent
from common.events.timers import DeadlineTimer
from common.messaging.streams import TIMERS
from devkit.testing.events import EventStreams
from devkit.testing.eventually import eventually
from devkit.testing.running import RunningService
from expiration.consumers import CONSUMERS
from expiration.deadline import DeadlineStatus

Start = Callable[..., AbstractAsyncContextManager[RunningService]]
"""Starts an instance of expiration, perhaps with a clock of its own. All instances share one database."""


def schedule(order: OrderEvent) -> str:
    return f"expiration.schedule.{order.id}"


def fired(order: OrderEvent) -> str:
    return f"{DeadlineTimer.type_name()}.{order.id}"


async def timers(streams: EventStreams) -> dict[str, int]:
    """The number of messages of each subject in the stream of timers."""
    info = await streams.broker.jetstream.stream_info(TIMERS.name, subjects_filter=">")
    return info.state.subjects or {}


async def eventually_set(streams: EventStreams, *orders: OrderEvent) -> None:
    """Wait until the broker has their timers, or these have fired already."""
    await eventually(
        lambda: timers(streams),
        until=lambda seen: all(schedule(order) in seen or fired(order) in seen for order in orders),
        what="the timers",
    )


async def eventually_fired(streams: EventStreams, *orders: OrderEvent) -> None:
    await eventually(
        lambda: timers(streams),
        until=lambda seen: all(fired(order) in seen for order in orders),
        what="the fired timers",
    )


async def eventually_kept(running: RunningService, order: OrderEvent, status: DeadlineStatus) -> None:
    deadlines = running.collection("deadlines")
    await eventually(
        lambda: deadlines.find_one({"_id": order.id, "status": status.value}), what=f"the deadline, {status.value}"
    )


async def eventually_quiet(streams: EventStreams) -> None:
    await streams.eventually_quiet(*(consumer.name for consumer in CONSUMERS))


async def stored_deadlines(running: RunningService, streams: EventStreams) -> list[bytes]:
    """Every deadline, byte for byte, after all staged events are published."""
    deadlines = running.collection("deadlines")
    await streams.eventually_relayed(deadlines)
    return [bson.encode(document) for document in await deadlines.find({}).sort([("_id", 1)]).to_list(None)]
