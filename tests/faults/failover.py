"""Failover: MongoDB's primary changes under load: nothing is lost, and changes soon succeed again."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from devkit.servers.replica_set import Primary, ReplicaSet, replica_set_of_three
from faults.availability import UNAVAILABLE, require_fitting_answers, seconds_to_recover
from faults.context import OtherServers, Person, ScenarioContext
from faults.load import load
from faults.outage_check import CHECKED, OutageCheck
from faults.scenario import Outcome, Scenario, require

_RECOVERS_WITHIN_SECONDS = 5.0
_PEOPLE = 12
_NO_CANDIDATE_SECONDS = 2
"""A member that has stepped down does not stand for election for this time. The next fault may need it as primary."""


@asynccontextmanager
async def three_members(folder: Path) -> AsyncIterator[OtherServers]:
    async with replica_set_of_three(folder) as replica_set:
        yield OtherServers(replica_set=replica_set)


@dataclass
class Failovers:
    """Injects the faults one after the other, and keeps how long each recovery took."""

    context: ScenarioContext
    replica_set: ReplicaSet
    seller: Person
    buyer: Person
    recoveries: dict[str, list[float]] = field(default_factory=dict)

    async def step_down(self) -> None:
        before = await self.replica_set.primary()
        seconds = _NO_CANDIDATE_SECONDS
        await before.member.ask("replSetStepDown", seconds, secondaryCatchUpPeriodSecs=seconds - 1)
        await self._recover("step-down", before)

    async def kill_primary(self) -> None:
        before = await self.replica_set.primary()
        await before.member.kill()
        await self._recover("primary killed", before)
        await before.member.start()
        await self.replica_set.until_all_follow()

    async def lose_a_secondary(self) -> None:
        primary = await self.replica_set.primary()
        secondaries = [member for member in self.replica_set.members if member is not primary.member]
        await self.context.random.choice(secondaries).kill()
        await self._note("member away for good")

    async def _recover(self, fault: str, before: Primary) -> None:
        await self.replica_set.primary(after_term=before.term)
        await self._note(fault)

    async def _note(self, fault: str) -> None:
        took = await seconds_to_recover(self.context, self.seller, self.buyer)
        self.recoveries.setdefault(fault, []).append(took)
        require(took <= _RECOVERS_WITHIN_SECONDS, f"{fault}: changes succeeded only {took:.1f} s after the election")


async def run(context: ScenarioContext) -> Outcome:
    assert context.replica_set is not None
    check = await OutageCheck.begin(context)
    failovers = Failovers(context, context.replica_set, await context.person(), await context.person())
    changing: list[Callable[[], Awaitable[None]]] = [*[failovers.step_down] * 2, failovers.kill_primary]
    # A set that has lost a member for good must be able to change its primary, too.
    faults = [*changing * context.size(3, 1), failovers.lose_a_secondary, failovers.step_down]
    async with load(context, _PEOPLE) as under_load:
        for done, inject in enumerate(faults):
            await asyncio.sleep(context.random.uniform(0.5, 1.5))  # a random point of the load; nothing to wait for
            await inject()
            context.progress(done + 1, len(faults))
    require_fitting_answers(under_load)
    await check.require_nothing_lost(under_load.confirmed)
    counts = under_load.counts()
    return Outcome(
        done=f"{len(under_load.answers)} requests of {_PEOPLE} people: sign up, browse, list, order, pay, cancel",
        injected=", ".join(f"{fault} ({len(took)})" for fault, took in failovers.recoveries.items())
        + ", in a replica set of three",
        checked="every request ends within 5 s with a success, a 503, or a 404 because an event has not arrived yet; "
        f"5 s after each election a new ticket can be ordered; {CHECKED}",
        figures={
            "answered 503": str(counts[UNAVAILABLE]),
            "slowest answer": f"{max(answer.seconds for answer in under_load.answers):.2f} s",
            **{f"recovery, {fault}": f"{max(took):.1f} s" for fault, took in failovers.recoveries.items()},
        },
    )


SCENARIO = Scenario("Failover", run, start_servers=three_members, seeds=3)
