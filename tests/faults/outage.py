"""Outage: the broker, then the database, away or silent for long: nobody waits for ever, and nothing needs help."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from faults.load import Answer, Load, load
from faults.scenario import Outcome, Scenario, promise
from faults.told import staged_events
from faults.world import Person, World
from marketplace.registry import SERVICE_NAMES

_PEOPLE = 8
_ENDS_WITHIN_SECONDS = 5.0
_RECOVERS_WITHIN_SECONDS = 3.0

_UNAVAILABLE = 503
_EVENT_HAS_NOT_COME = {("order", 404), ("pay", 404)}
"""What was listed or ordered a moment ago is not known yet to the service that only hears of it."""


@dataclass(frozen=True)
class Fault:
    name: str
    seconds: int
    begin: Callable[[], Awaitable[None]]
    end: Callable[[], Awaitable[None]]


def _faults(world: World) -> list[Fault]:
    down, silent = world.size(180, 3), world.size(20, 5)
    platform = world.platform

    async def pause(name: str) -> None:
        platform.pause(name)

    async def resume(name: str) -> None:
        platform.resume(name)

    both = ("nats", "mongod")
    return [
        *(Fault(f"{n} down", down, partial(platform.kill, n, restart=False), partial(platform.start, n)) for n in both),
        *(Fault(f"{n} silent", silent, partial(pause, n), partial(resume, n)) for n in both),
    ]


async def run(world: World) -> Outcome:
    faults = _faults(world)
    ours = [*SERVICE_NAMES, *(f"{service}-2" for service in SERVICE_NAMES), "gateway"]
    before = {name: world.platform.pid(name) for name in ours}
    seller, buyer = await world.person(), await world.person()
    recoveries = {}
    async with load(world, _PEOPLE) as under_load:
        total, passed = sum(fault.seconds for fault in faults), 0
        for fault in faults:
            await fault.begin()
            try:
                for _ in range(fault.seconds):  # the outage itself lasts that long
                    await asyncio.sleep(1)
                    passed += 1
                    world.progress(passed, total)
            finally:
                await fault.end()
            recoveries[fault.name] = await _recovery(world, ours, seller, buyer)
            promise(
                recoveries[fault.name] <= _RECOVERS_WITHIN_SECONDS,
                f"{fault.name}: recovered only {recoveries[fault.name]:.1f} s after the return",
            )
    _judge(under_load)
    restarted = [name for name in ours if world.platform.pid(name) != before[name]]
    promise(not restarted, f"processes started again: {', '.join(restarted)}")
    differences = await world.settle()
    promise(not differences, f"the audit found: {differences[:3]}")
    waiting = await staged_events(world)
    promise(not waiting, f"{waiting} events are still in an outbox")
    slowest = max(answer.seconds for answer in under_load.answers)
    counts = under_load.counts()
    return Outcome(
        done=f"{len(under_load.answers)} requests of {_PEOPLE} people: sign up, browse, list, order, pay, cancel",
        injected=", ".join(f"{fault.name} for {fault.seconds} s" for fault in faults),
        checked="every request ends within 5 s with a success, a 503 or a 404 of what has not been heard of; "
        "3 s after the return a new listing can be ordered and all are ready; no process restarted; "
        "the audit; outboxes empty",
        figures={
            "answered 503": str(counts[_UNAVAILABLE]),
            "slowest answer": f"{slowest:.2f} s",
            **{f"recovery, {name}": f"{seconds:.1f} s" for name, seconds in recoveries.items()},
        },
    )


def _judge(under_load: Load) -> None:
    unfit = under_load.other_than(_is_fitting)
    promise(not unfit, f"{len(unfit)} answers that do not fit an outage: {', '.join(map(str, unfit[:3]))}")
    slow = under_load.other_than(lambda answer: answer.seconds <= _ENDS_WITHIN_SECONDS)
    promise(not slow, f"{len(slow)} requests took too long: {', '.join(map(str, slow[:3]))}")


def _is_fitting(answer: Answer) -> bool:
    return answer.is_success or answer.status == _UNAVAILABLE or (answer.to, answer.status) in _EVENT_HAS_NOT_COME


async def _recovery(world: World, ours: list[str], seller: Person, buyer: Person) -> float:
    """Seconds until a change succeeds and its event has taken effect, and until every instance is ready again."""
    began = time.monotonic()
    try:
        await asyncio.gather(_lists_and_orders(seller, buyer), world.platform.until_ready(*ours, seconds=20))
    except TimeoutError as error:
        promise(kept=False, what=f"after the return: {error}")
    return time.monotonic() - began


async def _lists_and_orders(seller: Person, buyer: Person) -> None:
    """A new listing can be ordered: orders has heard of it."""
    ticket = await seller.lists()
    while not (order := await buyer.orders(ticket)).is_success:
        promise(("order", order.status_code) in _EVENT_HAS_NOT_COME, f"an order was answered {order.status_code}")


SCENARIO = Scenario("Outage", run)
