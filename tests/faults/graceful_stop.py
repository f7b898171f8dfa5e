"""Graceful stop: as long as another instance runs, nobody notices that one is told to stop."""

import asyncio
import time
from collections.abc import Iterator

from devkit.testing.eventually import eventually
from faults.load import Load, load
from faults.scenario import Outcome, Scenario, promise
from faults.world import World
from marketplace.registry import SERVICE_NAMES

_PEOPLE = 8
_AT_MOST_SECONDS = 10.0


async def run(world: World) -> Outcome:
    rounds = list(_rounds(world))
    slowest = 0.0
    async with load(world, _PEOPLE) as under_load:
        await _more_answers(under_load)
        for done, together in enumerate(rounds):
            took = await asyncio.gather(*(_stop(world, name) for name in together))
            slowest = max(slowest, *took)
            await asyncio.gather(*(world.platform.start(name) for name in together))
            await _more_answers(under_load)
            world.progress(done + 1, len(rounds))
    failed = under_load.other_than(lambda answer: answer.is_success)
    promise(not failed, f"{len(failed)} of {len(under_load.answers)} requests failed, such as {failed[0:3]}")
    differences = await world.settle()
    promise(not differences, f"the audit found: {differences[:3]}")
    return Outcome(
        done=f"{len(under_load.answers)} requests of {_PEOPLE} people: sign up, browse, list, order, pay, cancel",
        injected=f"{sum(map(len, rounds))} times SIGTERM to one instance of a service while its other one runs",
        checked="every request succeeds; each process ends by itself within 10 s; the audit of all services",
        figures={"failed requests": str(len(failed)), "slowest to end": f"{slowest:.1f} s"},
    )


def _rounds(world: World) -> Iterator[list[str]]:
    """Each instance of each service, one after the other; in the short run one of each, all at once."""
    names = [[service, f"{service}-2"] for service in SERVICE_NAMES]
    if world.short:
        yield [world.random.choice(both) for both in names]
        return
    for _ in range(3):
        everyone = [name for both in names for name in both]
        world.random.shuffle(everyone)
        yield from ([name] for name in everyone)


async def _stop(world: World, name: str) -> float:
    began = time.monotonic()
    ending = await world.platform.terminate(name, grace_seconds=_AT_MOST_SECONDS)
    took = time.monotonic() - began
    promise(ending == "exit code 0", f"{name}, told to stop, ended with {ending} after {took:.1f} s")
    return took


async def _more_answers(under_load: Load) -> None:
    """The load goes on: what is stopped next is at work."""
    goal = len(under_load.answers) + 5 * _PEOPLE

    async def count() -> int:
        return len(under_load.answers)

    await eventually(count, until=lambda answers: answers >= goal, what=f"{goal} requests")


SCENARIO = Scenario("Graceful stop", run)
