"""Graceful stop: while another instance runs, no request fails when one instance is stopped."""

import asyncio
import time
from collections.abc import Iterator

from devkit.testing.eventually import eventually
from faults.context import ScenarioContext
from faults.load import Load, load
from faults.scenario import Outcome, Scenario, require
from marketplace.registry import SERVICE_NAMES

_PEOPLE = 8
_AT_MOST_SECONDS = 10.0


async def run(context: ScenarioContext) -> Outcome:
    rounds = list(_rounds(context))
    slowest = 0.0
    async with load(context, _PEOPLE) as under_load:
        await _more_answers(under_load)
        for done, together in enumerate(rounds):
            took = await asyncio.gather(*(_stop(context, name) for name in together))
            slowest = max(slowest, *took)
            await asyncio.gather(*(context.platform.start(name) for name in together))
            await _more_answers(under_load)
            context.progress(done + 1, len(rounds))
    failed = under_load.other_than(lambda answer: answer.is_success)
    require(not failed, f"{len(failed)} of {len(under_load.answers)} requests failed, such as {failed[0:3]}")
    differences = await context.settle()
    require(not differences, f"the audit found: {differences[:3]}")
    return Outcome(
        done=f"{len(under_load.answers)} requests of {_PEOPLE} people: sign up, browse, list, order, pay, cancel",
        injected=f"{sum(map(len, rounds))} times SIGTERM to one instance of a service while the other one runs",
        checked="every request succeeds; each process exits within 10 s; the audit of all services",
        figures={"failed requests": str(len(failed)), "slowest exit": f"{slowest:.1f} s"},
    )


def _rounds(context: ScenarioContext) -> Iterator[list[str]]:
    """Yield the instances to stop together: each alone, three times; in the short run one of each service at once."""
    names = [[service, f"{service}-2"] for service in SERVICE_NAMES]
    if context.short:
        yield [context.random.choice(both) for both in names]
        return
    for _ in range(3):
        everyone = [name for both in names for name in both]
        context.random.shuffle(everyone)
        yield from ([name] for name in everyone)


async def _stop(context: ScenarioContext, name: str) -> float:
    began = time.monotonic()
    ending = await context.platform.terminate(name, grace_seconds=_AT_MOST_SECONDS)
    took = time.monotonic() - began
    require(ending == "exit code 0", f"{name} ended with {ending} after SIGTERM and {took:.1f} s")
    return took


async def _more_answers(under_load: Load) -> None:
    """Wait until each user got some more answers, so that the next instance to stop has requests."""
    goal = len(under_load.answers) + 5 * _PEOPLE

    async def count() -> int:
        return len(under_load.answers)

    await eventually(count, until=lambda answers: answers >= goal, what=f"{goal} requests")


SCENARIO = Scenario("Graceful stop", run)
