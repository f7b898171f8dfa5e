"""Poison messages: an event that cannot be handled becomes one complete dead letter, and delays no other event."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

from common.events.envelope import MESSAGE_ID
from common.messaging import dead_letters as dead_letter
from common.messaging.retry import RetryPolicy
from devkit.testing.eventually import eventually
from faults.acks import Ack, Acks, recorded_acks
from faults.context import Person, ScenarioContext
from faults.idle import require_clean_audit, wait_until_idle
from faults.poison_messages import (
    Planted,
    expect_unknown_subject_refused,
    malformed_events,
    orders_refused,
    place_order,
    ticket_lost,
)
from faults.scenario import Outcome, Scenario, require
from marketplace.operations.dead_letters import DeadLetter, drop_dead_letter, list_dead_letters, replay_dead_letter

_POLICY = RetryPolicy()
_SLACK_SECONDS = 2.0
"""How much later than scheduled a retry may come, on a busy machine."""


async def run(context: ScenarioContext) -> Outcome:
    await wait_until_idle(context)
    before = {letter.id for letter in await list_dead_letters(context.operator)}
    seller, buyer = await context.person(), await context.person()
    lost, refused, long_refused = [await seller.list_ticket() for _ in range(3)]
    await wait_until_idle(context)
    async with malformed_events(context, context.size(10, 1)) as planted:
        async with recorded_acks(context.operator.broker) as acks, _a_crowd(context, seller, buyer) as waits:
            hopeless = await _expect_dead_letter(context, before, planted)
            await _expect_replay_refused(context, hopeless)
            await expect_unknown_subject_refused(context)
            async with ticket_lost(context, lost):
                orders = await _expect_dead_letter(context, before, [await place_order(context, buyer, lost)])
                await _expect_replay_refused(context, orders)
            await _expect_replay_succeeds(context, orders)
            async with orders_refused(context, refused, long_refused):
                retried = await place_order(context, buyer, refused)
                exhausted = await place_order(context, buyer, long_refused) if not context.short else None
                await _expect_verdicts(acks, retried, ["-NAK", "-NAK"])
                async with orders_refused(context, long_refused):  # from here on, only this one is refused
                    await _expect_verdicts(acks, retried, ["-NAK", "-NAK", "+ACK"])
                    if exhausted is not None:
                        verdicts = ["-NAK"] * len(_POLICY.delays) + ["+TERM"]
                        await _expect_verdicts(acks, exhausted, verdicts, on_step=context.progress)
                        given_up = await _expect_dead_letter(
                            context, before, [exhausted], deliveries=_POLICY.deliveries
                        )
                        await _expect_replay_refused(context, given_up)
                        orders += given_up
            await _expect_replay_succeeds(context, orders[1:])
        await _drop(context, before, planted)
    await require_clean_audit(context)
    worst, usual = max(waits), statistics.median(waits)
    require(worst < _POLICY.delays[0], f"of {len(waits)} good events, one took {worst:.2f} s; median {usual:.2f} s")
    require(len(waits) >= context.size(200, 10), f"only {len(waits)} good events: too few for a result")
    return Outcome(
        done=f"{len(waits)} good orders at the same time, at the same consumers",
        injected=f"{len(planted)} malformed messages and messages of another type than their subject, of every type; "
        "an order for a ticket that tickets has lost; one that tickets' database refuses for 2 s"
        + ("" if context.short else ", and one that it refuses until the last delivery"),
        checked="one dead letter per consumer, with bytes, headers, reason and deliveries; retries on schedule; the "
        "stream refuses an unknown subject; a replay fails while the cause exists, and succeeds afterwards; no good "
        "event delayed by as much as the first retry; the audit",
        figures={
            "dead letters": str(len(hopeless) + len(orders)),
            "good event, median": f"{usual * 1000:.0f} ms",
            "good event, slowest": f"{worst * 1000:.0f} ms",
            "deliveries before the dead letter": str(_POLICY.deliveries) if exhausted else "(full run)",
        },
    )


@asynccontextmanager
async def _a_crowd(context: ScenarioContext, seller: Person, buyer: Person) -> AsyncIterator[list[float]]:
    """Run two users who list and order tickets; yield the list of seconds from each order to the hold."""
    waits: list[float] = []
    over = asyncio.Event()
    tickets = context.operator.databases["tickets"]["tickets"]

    async def keep_ordering() -> None:
        while not over.is_set():
            ticket = await seller.list_ticket()
            order = (await buyer.place_order(ticket)).json()["id"]
            held = partial(tickets.find_one, {"_id": ticket, "order_id": order})
            began = time.monotonic()
            await eventually(held, within=30, what=f"{ticket} held by {order}")
            waits.append(time.monotonic() - began)
            await asyncio.sleep(context.random.uniform(0, 0.2))

    ordering = asyncio.gather(keep_ordering(), keep_ordering())
    try:
        yield waits
    finally:
        over.set()
        await ordering


async def _expect_dead_letter(
    context: ScenarioContext, before: set[int], planted: list[Planted], deliveries: int = 1
) -> list[DeadLetter]:
    """Expect one dead letter per event and consumer, with all data; return them."""
    wanted = {(consumer, each.stream, each.sequence): each for each in planted for consumer in each.consumers}

    async def missing() -> set[tuple[str, str, int]]:
        return wanted.keys() - {_place(letter) for letter in await list_dead_letters(context.operator)}

    await eventually(missing, until=lambda found: not found, within=20, what="a dead letter per event and consumer")
    letters = [
        each for each in await list_dead_letters(context.operator) if each.id not in before and _place(each) in wanted
    ]
    require(len(letters) == len(wanted), f"{len(letters)} dead letters of {len(wanted)} deliveries")
    for letter in letters:
        each = wanted[_place(letter)]
        require(letter.event == each.subject, f"dead letter {letter.id} is of {letter.event}, not {each.subject}")
        require(
            letter.data == each.data, f"dead letter {letter.id} has other bytes: {letter.data!r}, not {each.data!r}"
        )
        headers = letter.headers | {MESSAGE_ID: letter.headers.get(dead_letter.MESSAGE)}
        lost = {name: value for name, value in each.headers.items() if headers.get(name) != value}
        require(not lost, f"dead letter {letter.id} has lost the headers {lost}")
        require(letter.deliveries == deliveries, f"dead letter {letter.id}: {letter.deliveries} deliveries")
        require(len(letter.reason) > 10, f"dead letter {letter.id} gives no reason: {letter.reason!r}")
    return letters


def _place(letter: DeadLetter) -> tuple[str, str, int]:
    return letter.consumer, letter.stream, letter.sequence


async def _expect_verdicts(
    acks: Acks, planted: Planted, verdicts: list[str], on_step: Callable[[int, int], None] = lambda _done, _all: None
) -> None:
    """Expect these acknowledgements, one per delivery, and each retry at its scheduled time."""
    (consumer,) = planted.consumers

    async def acks_so_far() -> list[Ack]:
        found = acks.of(consumer, planted.sequence)
        on_step(len(found), len(verdicts))
        return found

    found = await eventually(
        acks_so_far,
        until=lambda seen: len(seen) >= len(verdicts),
        within=sum(_POLICY.delays[: len(verdicts)]) + 10,
        what=f"{', '.join(verdicts)} of {planted.subject}",
    )
    seen = [(ack.verdict, ack.delivery) for ack in found[: len(verdicts)]]
    require(seen == [(verdict, number + 1) for number, verdict in enumerate(verdicts)], f"{planted.subject}: {seen}")
    for ack, following, delay in zip(found, found[1:], _POLICY.delays, strict=False):
        require(
            ack.delay == delay, f"{planted.subject}, delivery {ack.delivery}: delayed by {ack.delay} s, not {delay}"
        )
        later = following.at - ack.at
        require(
            delay - 0.05 <= later <= delay + _SLACK_SECONDS,
            f"{planted.subject}: delivery {following.delivery} came {later:.2f} s after the one before, not {delay}",
        )


async def _expect_replay_refused(context: ScenarioContext, letters: list[DeadLetter]) -> None:
    for letter in letters:
        reason = await replay_dead_letter(context.operator, letter)
        require(reason != "", f"the replay of {letter.event} at {letter.consumer} succeeded, though its cause exists")
    there = {letter.id for letter in await list_dead_letters(context.operator)}
    gone = [letter.event for letter in letters if letter.id not in there]
    require(not gone, f"dead letters missing after a replay that failed: {gone}")


async def _expect_replay_succeeds(context: ScenarioContext, letters: list[DeadLetter]) -> None:
    for letter in letters:
        reason = await replay_dead_letter(context.operator, letter)
        require(reason == "", f"the replay of {letter.event} failed, though its cause is gone: {reason}")
        there = {each.id for each in await list_dead_letters(context.operator)}
        require(letter.id not in there, f"the dead letter of {letter.event} is still there after its replay")


async def _drop(context: ScenarioContext, before: set[int], planted: list[Planted]) -> None:
    """Expect no dead letters but those of the published messages, and drop them."""
    places = {(consumer, each.stream, each.sequence) for each in planted for consumer in each.consumers}
    left = [letter for letter in await list_dead_letters(context.operator) if letter.id not in before]
    others = [(letter.consumer, letter.event, letter.reason) for letter in left if _place(letter) not in places]
    require(not others, f"other dead letters: {others[:3]}")
    require(len(left) == len(places), f"{len(left)} dead letters of {len(places)} deliveries")
    for letter in left:
        await drop_dead_letter(context.operator, letter)


SCENARIO = Scenario("Poison", run)
