"""Outage: NATS, then MongoDB, is down or hangs: every request ends in time, and the platform recovers by itself."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from faults.availability import UNAVAILABLE, require_fitting_answers, seconds_to_recover
from faults.context import ScenarioContext
from faults.load import load
from faults.outage_check import CHECKED, OutageCheck
from faults.scenario import Outcome, Scenario, require

_RECOVERS_WITHIN_SECONDS = 3.0


@dataclass(frozen=True)
class Fault:
    name: str
    seconds: int
    begin: Callable[[], Awaitable[None]]
    end: Callable[[], Awaitable[None]]


def _faults(context: ScenarioContext) -> list[Fault]:
    down, paused = context.size(180, 3), context.size(20, 5)
    platform = context.platform

    async def pause(name: str) -> None:
        platform.pause(name)

    async def resume(name: str) -> None:
        platform.resume(name)

    both = ("nats", "mongod")
    return [
        *(Fault(f"{n} down", down, partial(platform.kill, n, restart=False), partial(platform.start, n)) for n in both),
        *(Fault(f"{n} paused", paused, partial(pause, n), partial(resume, n)) for n in both),
    ]


async def run(context: ScenarioContext) -> Outcome:
    faults, people = _faults(context), context.size(8, 4)
    check = await OutageCheck.begin(context)
    seller, buyer = await context.person(), await context.person()
    recoveries = {}
    async with load(context, people) as under_load:
        total, passed = sum(fault.seconds for fault in faults), 0
        for fault in faults:
            await fault.begin()
            try:
                for _ in range(fault.seconds):  # the length of the outage; nothing to wait for
                    await asyncio.sleep(1)
                    passed += 1
                    context.progress(passed, total)
            finally:
                await fault.end()
            recoveries[fault.name] = await seconds_to_recover(context, seller, buyer)
            require(
                recoveries[fault.name] <= _RECOVERS_WITHIN_SECONDS,
                f"{fault.name}: recovered only after {recoveries[fault.name]:.1f} s",
            )
    require_fitting_answers(under_load)
    await check.require_nothing_lost(under_load.confirmed)
    slowest = max(answer.seconds for answer in under_load.answers)
    counts = under_load.counts()
    return Outcome(
        done=f"{len(under_load.answers)} requests of {people} people: sign up, browse, list, order, pay, cancel",
        injected=", ".join(f"{fault.name} for {fault.seconds} s" for fault in faults),
        checked="every request ends within 5 s with a success, a 503, or a 404 because an event has not arrived yet; "
        f"3 s after the end a new ticket can be ordered and all processes are ready; {CHECKED}",
        figures={
            "answered 503": str(counts[UNAVAILABLE]),
            "slowest answer": f"{slowest:.2f} s",
            **{f"recovery, {name}": f"{seconds:.1f} s" for name, seconds in recoveries.items()},
        },
    )


SCENARIO = Scenario("Outage", run)
