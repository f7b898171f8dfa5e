"""Paused consumer: an instance pauses longer than its `ack_wait`; what it then continues has no second effect."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence

import httpx

from common.messaging.retry import RetryPolicy
from devkit.testing.eventually import eventually
from faults.acks import Ack, Acks, recorded_acks
from faults.context import Person, ScenarioContext, run_concurrently
from faults.event_counts import tickets_with_too_many_versions, wrong_event_counts
from faults.idle import require_clean_audit
from faults.scenario import Outcome, Scenario, require
from marketplace.operations.dead_letters import list_dead_letters
from marketplace.registry import CONSUMERS_OF

_SERVICES = [service for service, consumers in CONSUMERS_OF.items() if consumers]
_PAUSED_FOR = RetryPolicy().ack_wait + 1.0
"""Seconds: longer than `ack_wait`, so that the broker delivers to the other instance again."""
_AT_ONCE = 8


async def run(context: ScenarioContext) -> Outcome:
    # One instance of one service at a time, then one of each service at once; in the short run only the latter.
    rounds = [[service] for service in _SERVICES] * context.size(4, 0) + [_SERVICES] * context.size(4, 1)
    statuses: Counter[int] = Counter()
    longest, by_others, twice = 0.0, 0, 0
    before = {letter.id for letter in await list_dead_letters(context.operator)}
    async with recorded_acks(context.operator.broker) as acks:
        for done, services in enumerate(rounds):
            acks.recorded.clear()
            tickets, paused_for = await _round(context, services, acks, statuses)
            await require_clean_audit(context)
            too_often = await tickets_with_too_many_versions(context, tickets)
            require(not too_often, f"events had an effect twice: {too_often[:3]}")
            longest = max(longest, paused_for)
            by_others += len(acks.matching(_redelivered))
            twice += _finished_twice(acks)
            context.progress(done + 1, len(rounds))
    require(twice > 0, "no delivery was finished by both instances: this run tested nothing")
    wrong = await wrong_event_counts(context)
    require(not wrong, f"events and changes differ: {wrong[:3]}")
    new = [letter for letter in await list_dead_letters(context.operator) if letter.id not in before]
    require(not new, f"dead letters: {[(letter.consumer, letter.event, letter.reason) for letter in new]}")
    return Outcome(
        done=f"{len(rounds)} times {_tickets(context)} tickets ordered, and paid, cancelled or left to expire",
        injected=f"one instance of {', '.join(_SERVICES)} (one service at a time, and all at once) paused with SIGSTOP "
        f"during its work for at least {_PAUSED_FOR:g} s, while the other one runs; then SIGCONT",
        checked="the other instance finished the deliveries of the paused one; the audit; one event per change; no "
        "ticket changed more often than its orders did; no dead letter",
        figures={
            "answers": ", ".join(f"{count} of {status}" for status, count in sorted(statuses.items())),
            "finished by another": str(by_others),
            "finished twice": str(twice),
            "longest pause": f"{longest:.1f} s",
        },
    )


def _tickets(context: ScenarioContext) -> int:
    return context.size(60, 24)


def _redelivered(ack: Ack) -> bool:
    return ack.delivery > 1 and ack.verdict == "+ACK"


def _finished_twice(acks: Acks) -> int:
    """Count the events that both instances handled and acknowledged."""
    acknowledged = Counter((ack.consumer, ack.sequence) for ack in acks.recorded if ack.verdict == "+ACK")
    return sum(count > 1 for count in acknowledged.values())


async def _round(
    context: ScenarioContext, services: Sequence[str], acks: Acks, statuses: Counter[int]
) -> tuple[list[str], float]:
    """Pause one instance of each of these services during sales; return the tickets, and the length of the pause."""
    seller, buyer = await context.person(), await context.person()
    tickets = await run_concurrently((seller.list_ticket() for _ in range(_tickets(context))), at_most=_AT_ONCE)
    at_work = asyncio.Event()
    stop_at = statuses.total() + context.random.randrange(3, len(tickets) // 3)

    async def order(ticket: str, then: str) -> None:
        answer = await buyer.place_order(ticket, windowSeconds=1 if then == "expire" else 30)
        statuses[answer.status_code] += 1
        if statuses.total() >= stop_at:
            at_work.set()
        if answer.status_code == httpx.codes.CREATED:  # otherwise a first answer was lost, and the retry was refused
            await _finish(buyer, str(answer.json()["id"]), then)

    plans = [(ticket, context.random.choice(("pay", "cancel", "expire"))) for ticket in tickets]
    sales = asyncio.create_task(run_concurrently((order(*plan) for plan in plans), at_most=_AT_ONCE))
    sales.add_done_callback(lambda _: at_work.set())
    await at_work.wait()
    paused = [context.random.choice((service, f"{service}-2")) for service in services]
    began = time.monotonic()
    for name in paused:
        context.platform.pause(name)
    try:
        await asyncio.sleep(_PAUSED_FOR)
        await eventually(
            lambda: _not_taken_over(services, acks),
            until=lambda waiting: not waiting,
            within=15,
            what="the other instances to finish the deliveries of the paused ones",
        )
    finally:
        for name in paused:
            context.platform.resume(name)
    seconds = time.monotonic() - began
    await sales
    return tickets, seconds


async def _finish(buyer: Person, order: str, then: str) -> None:
    if then == "pay":
        await buyer.pay(order)
    if then == "cancel":
        await buyer.request_with_retries("DELETE", f"/api/orders/{order}")


async def _not_taken_over(services: Sequence[str], acks: Acks) -> list[str]:
    taken_over = {ack.consumer for ack in acks.matching(_redelivered)}
    return [service for service in services if not taken_over & {each.name for each in CONSUMERS_OF[service]}]


SCENARIO = Scenario("Paused consumer", run)
