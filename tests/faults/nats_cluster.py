"""NATS cluster: one of three servers crashes and comes back, or stays away. The two others go on."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from nats.errors import Error as NatsError
from nats.js import JetStreamContext

from common.domain.errors import DependencyUnavailable
from common.messaging.streams import DOMAIN_EVENTS, STREAMS
from devkit.servers import Server, nats_cluster_url, run_nats_cluster
from devkit.testing.eventually import eventually
from faults.availability import (
    ENDS_WITHIN_SECONDS,
    UNAVAILABLE,
    lists_and_orders,
    require_fitting_answers,
    require_successful_reads,
)
from faults.context import OtherServers, Person, ScenarioContext
from faults.load import load
from faults.outage_check import CHECKED, OutageCheck
from faults.scenario import Outcome, Scenario, require
from marketplace.bounded_provisioning import provision_within
from marketplace.registry import CONSUMERS_OF

_PEOPLE = 6
_AWAY_SECONDS = 30.0
_CHANGES_WITHIN_SECONDS = 5.0
_ELECTED_WITHIN_SECONDS = 30.0
_UP_TO_DATE_WITHIN_SECONDS = 60.0
_ALL_CONSUMERS = [consumer for consumers in CONSUMERS_OF.values() for consumer in consumers]


@asynccontextmanager
async def _three_servers(folder: Path) -> AsyncIterator[OtherServers]:
    async with run_nats_cluster(folder) as servers:
        url = nats_cluster_url(servers)
        await provision_within(url, replicas=len(servers))  # it waits until the servers have found each other
        yield OtherServers(servers, nats_url=url)


async def run(context: ScenarioContext) -> Outcome:
    check = await OutageCheck.begin(context)
    seller, buyer = await context.person(), await context.person()
    comes_back = context.size([True] * 4 + [False], [True])
    elections: list[float] = []
    recoveries: list[float] = []
    async with load(context, _PEOPLE) as under_load:
        for done, again in enumerate(comes_back, start=1):
            victim = await _leader_of_domain_events(context)
            await victim.kill()
            elections.append(await _seconds_until(partial(_everything_has_a_leader, context, victim.name)))
            recoveries.append(await _recovery(seller, buyer))
            # Meanwhile the two others store events that the third one lacks.
            await asyncio.sleep(context.random.uniform(1, context.size(15, 2)) if again else _AWAY_SECONDS)
            if again:
                await victim.start()
                await _seconds_until(partial(_is_up_to_date, context), within=_UP_TO_DATE_WITHIN_SECONDS)
            context.progress(done, len(comes_back))
    require_fitting_answers(under_load)
    require_successful_reads(under_load)
    require(
        max(recoveries) <= _CHANGES_WITHIN_SECONDS,
        f"a change succeeded only {max(recoveries):.1f} s after the election of new leaders",
    )
    await check.require_nothing_lost(under_load.confirmed)
    away = [f"once, and it stays away for the last {_AWAY_SECONDS:g} s"] if not all(comes_back) else []
    return Outcome(
        done=f"{len(under_load.answers)} requests of {_PEOPLE} people: sign up, browse, list, order, pay, cancel",
        injected=f"kill -9 of that one of three NATS servers which leads {DOMAIN_EVENTS.name}: "
        + ", ".join([f"{comes_back.count(True)} times, and it starts again", *away]),
        checked=f"every request ends within {ENDS_WITHIN_SECONDS:g} s with a success, a 503, or a 404 because an event "
        f"has not arrived yet; reads succeed; a new ticket can be ordered {_CHANGES_WITHIN_SECONDS:g} s after the "
        f"election of new leaders; {CHECKED}",
        figures={
            "answered 503": str(under_load.counts()[UNAVAILABLE]),
            "slowest answer": f"{max(answer.seconds for answer in under_load.answers):.2f} s",
            "elections": f"{min(elections):.1f} to {max(elections):.1f} s",
            "ordered after an election": f"{max(recoveries):.1f} s",
        },
    )


async def _leader_of_domain_events(context: ScenarioContext) -> Server:
    leader = ""

    async def is_known() -> bool:
        nonlocal leader
        info = await _jetstream(context).stream_info(DOMAIN_EVENTS.name)
        leader = (info.cluster and info.cluster.leader) or ""
        return bool(leader)

    await _seconds_until(is_known)
    return next(server for server in context.servers if server.name == leader)


async def _everything_has_a_leader(context: ScenarioContext, dead: str) -> bool:
    """Return True if each stream and each consumer has a leader that is not the dead server."""
    jetstream = _jetstream(context)
    streams = [await jetstream.stream_info(stream.name) for stream in STREAMS]
    consumers = [await jetstream.consumer_info(each.stream.name, each.name) for each in _ALL_CONSUMERS]
    return all(each.cluster and each.cluster.leader not in {None, "", dead} for each in (*streams, *consumers))


async def _is_up_to_date(context: ScenarioContext) -> bool:
    streams = [await _jetstream(context).stream_info(stream.name) for stream in STREAMS]
    replicas = [replica for each in streams if each.cluster for replica in each.cluster.replicas or ()]
    return len(replicas) == 2 * len(STREAMS) and all(replica.current for replica in replicas)


def _jetstream(context: ScenarioContext) -> JetStreamContext:
    return context.operator.broker.client.jetstream(timeout=1)


async def _seconds_until(condition: Callable[[], Awaitable[bool]], *, within: float = _ELECTED_WITHIN_SECONDS) -> float:
    """Wait until the condition is true, and return the seconds. An error of NATS counts as "not yet"."""
    began = time.monotonic()

    async def attempt() -> bool:
        try:
            return await condition()
        except (NatsError, DependencyUnavailable, TimeoutError):
            return False

    await eventually(attempt, within=within, what="servers that have elected their leaders and are up to date")
    return time.monotonic() - began


async def _recovery(seller: Person, buyer: Person) -> float:
    """Return the seconds until a new ticket is listed and ordered."""
    began = time.monotonic()
    await lists_and_orders(seller, buyer)
    return time.monotonic() - began


SCENARIO = Scenario("NATS cluster", run, start_servers=_three_servers, seeds=3)
