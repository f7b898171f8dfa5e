"""Zombie: whoever was taken for dead, and wakes to go on with what another has finished, changes nothing any more."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence

import httpx

from common.messaging.retry import RetryPolicy
from devkit.testing.eventually import eventually
from faults.acks import Ack, Acks, overheard_acks
from faults.exactly_once import events_unlike_changes, tickets_changed_too_often
from faults.quiet import settle_with_nothing_wrong
from faults.scenario import Outcome, Scenario, promise
from faults.world import Person, World, in_parallel
from marketplace.operations.dead_letters import list_dead_letters
from marketplace.registry import CONSUMERS_OF

_SERVICES = [service for service, consumers in CONSUMERS_OF.items() if consumers]
_HELD_FOR = RetryPolicy().ack_wait + 1.0
"""Seconds: long enough to be taken for dead, and for another instance to do the work."""
_AT_ONCE = 8


async def run(world: World) -> Outcome:
    # Each by itself, then one of each at once; in the short run only the latter, which makes zombies of them all.
    rounds = [[service] for service in _SERVICES] * world.size(4, 0) + [_SERVICES] * world.size(4, 1)
    statuses: Counter[int] = Counter()
    longest, by_others, twice = 0.0, 0, 0
    before = {letter.id for letter in await list_dead_letters(world.operator)}
    async with overheard_acks(world.operator.broker) as acks:
        for done, services in enumerate(rounds):
            acks.heard.clear()
            tickets, stopped_for = await _round(world, services, acks, statuses)
            await settle_with_nothing_wrong(world)
            too_often = await tickets_changed_too_often(world, tickets)
            promise(not too_often, f"handled twice, with an effect each time: {too_often[:3]}")
            longest = max(longest, stopped_for)
            by_others += len(acks.matching(_redelivered))
            twice += _finished_twice(acks)
            world.progress(done + 1, len(rounds))
    promise(twice > 0, "no zombie finished what another had finished before, so this has shown nothing")
    wrong = await events_unlike_changes(world)
    promise(not wrong, f"the events are not the changes: {wrong[:3]}")
    new = [letter for letter in await list_dead_letters(world.operator) if letter.id not in before]
    promise(not new, f"dead letters: {[(letter.consumer, letter.event, letter.reason) for letter in new]}")
    return Outcome(
        done=f"{len(rounds)} times {_tickets(world)} tickets ordered, and paid, cancelled or left to expire",
        injected=f"one instance of {', '.join(_SERVICES)} (each by itself, and all at once) stopped with SIGSTOP in "
        f"the middle of it for {_HELD_FOR:g} s and more, while the other one goes on; then SIGCONT",
        checked="the other one finished what the stopped one had; the audit; the events are the changes, each once, "
        "and no ticket changed more often than its orders did; no dead letter",
        figures={
            "answers": ", ".join(f"{count} of {status}" for status, count in sorted(statuses.items())),
            "finished by another": str(by_others),
            "finished twice": str(twice),
            "longest stop": f"{longest:.1f} s",
        },
    )


def _tickets(world: World) -> int:
    return world.size(60, 24)


def _redelivered(ack: Ack) -> bool:
    return ack.delivery > 1 and ack.verdict == "+ACK"


def _finished_twice(acks: Acks) -> int:
    """Events that both have handled: the same delivery, or an earlier one, acknowledged after a later one."""
    acknowledged = Counter((ack.consumer, ack.sequence) for ack in acks.heard if ack.verdict == "+ACK")
    return sum(count > 1 for count in acknowledged.values())


async def _round(world: World, services: Sequence[str], acks: Acks, statuses: Counter[int]) -> tuple[list[str], float]:
    """Stop one instance of each service in the middle of some business; return its tickets, and for how long."""
    seller, buyer = await world.person(), await world.person()
    tickets = await in_parallel((seller.lists() for _ in range(_tickets(world))), at_most=_AT_ONCE)
    in_the_middle = asyncio.Event()
    stop_at = statuses.total() + world.random.randrange(3, len(tickets) // 3)

    async def order(ticket: str, then: str) -> None:
        answer = await buyer.orders(ticket, windowSeconds=1 if then == "expire" else 30)
        statuses[answer.status_code] += 1
        if statuses.total() >= stop_at:
            in_the_middle.set()
        if answer.status_code == httpx.codes.CREATED:  # else an answer was too late, and the second try refused
            await _go_on(buyer, str(answer.json()["id"]), then)

    plans = [(ticket, world.random.choice(("pay", "cancel", "expire"))) for ticket in tickets]
    business = asyncio.create_task(in_parallel((order(*plan) for plan in plans), at_most=_AT_ONCE))
    business.add_done_callback(lambda _: in_the_middle.set())
    await in_the_middle.wait()
    zombies = [world.random.choice((service, f"{service}-2")) for service in services]
    began = time.monotonic()
    for name in zombies:
        world.platform.pause(name)
    try:
        await asyncio.sleep(_HELD_FOR)
        await eventually(
            lambda: _not_taken_over(services, acks),
            until=lambda waiting: not waiting,
            within=15,
            what="what the stopped instances had, finished by the other ones",
        )
    finally:
        for name in zombies:
            world.platform.resume(name)
    stopped = time.monotonic() - began
    await business
    return tickets, stopped


async def _go_on(buyer: Person, order: str, then: str) -> None:
    if then == "pay":
        await buyer.pays(order)
    if then == "cancel":
        await buyer.insists("DELETE", f"/api/orders/{order}")


async def _not_taken_over(services: Sequence[str], acks: Acks) -> list[str]:
    heard = {ack.consumer for ack in acks.matching(_redelivered)}
    return [service for service in services if not heard & {each.name for each in CONSUMERS_OF[service]}]


SCENARIO = Scenario("Zombie", run)
