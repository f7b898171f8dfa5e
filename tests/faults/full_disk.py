"""Full disk: NATS cannot store events. Reads go on, and changes succeed soon after the disk has room again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from devkit.servers import free_port
from devkit.testing.full_disk import NatsWithFullDisk
from faults.availability import (
    ENDS_WITHIN_SECONDS,
    UNAVAILABLE,
    require_fitting_answers,
    require_successful_reads,
    seconds_to_recover,
)
from faults.context import OtherServers, ScenarioContext
from faults.load import load
from faults.outage_check import CHECKED, OutageCheck
from faults.scenario import Outcome, Scenario, require
from marketplace.bounded_provisioning import provision_within
from marketplace.supervisor import Supervisor

_PEOPLE = 6
_FULL_SECONDS = 24
_RECOVERS_WITHIN_SECONDS = 15.0


@asynccontextmanager
async def _one_server(folder: Path) -> AsyncIterator[OtherServers]:
    """Run NATS as the platform does, but with a disk that can be full."""
    server = NatsWithFullDisk(folder, free_port(), free_port())
    supervisor = Supervisor(server, print, partial(_provision, server.url))
    try:
        await supervisor.start()
        yield OtherServers([server], nats_url=server.url)
    finally:
        await supervisor.stop_watching()
        await server.stop()


async def _provision(nats_url: str) -> None:
    await provision_within(nats_url)


async def run(context: ScenarioContext) -> Outcome:
    (server,) = context.servers
    assert isinstance(server, NatsWithFullDisk)
    check = await OutageCheck.begin(context)
    seller, buyer = await context.person(), await context.person()
    times, full_seconds = context.size(3, 1), context.size(_FULL_SECONDS, 8)
    recoveries = []
    async with load(context, _PEOPLE) as under_load:
        for done in range(times):
            pid, refused = server.pid, under_load.counts()[UNAVAILABLE]
            with server.full_disk():
                for _ in range(full_seconds):  # the length of the outage; nothing to wait for
                    await asyncio.sleep(1)
                require(server.pid == pid, "NATS was restarted although its disk was full")
                require(under_load.counts()[UNAVAILABLE] > refused, "no change was refused: the disk is not full")
            took = await seconds_to_recover(context, seller, buyer)
            require(took <= _RECOVERS_WITHIN_SECONDS, f"changes succeeded only {took:.1f} s after the disk had room")
            recoveries.append(took)
            context.progress(done + 1, times)
    require_fitting_answers(under_load)
    require_successful_reads(under_load)
    await check.require_nothing_lost(under_load.confirmed)
    return Outcome(
        done=f"{len(under_load.answers)} requests of {_PEOPLE} people: sign up, browse, list, order, pay, cancel",
        injected=f"every write of NATS that makes a file longer fails for {full_seconds} s, "
        + ("once" if times == 1 else f"{times} times"),
        checked="NATS is not restarted while its disk is full; every request ends within "
        f"{ENDS_WITHIN_SECONDS:g} s with a success, a 503, or a 404 because an event has not arrived yet; reads "
        f"succeed; {_RECOVERS_WITHIN_SECONDS:g} s after the disk has room, a new ticket can be ordered; {CHECKED}",
        figures={
            "answered 503": str(under_load.counts()[UNAVAILABLE]),
            "slowest answer": f"{max(answer.seconds for answer in under_load.answers):.2f} s",
            "recovery": ", ".join(f"{took:.1f} s" for took in recoveries),
        },
    )


SCENARIO = Scenario("Full disk", run, start_servers=_one_server, seeds=3, linux_only=True)
