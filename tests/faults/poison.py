"""Poison: what cannot be handled is put aside once, with everything that is known of it, and delays nothing else."""

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
from faults.acks import Ack, Acks, overheard_acks
from faults.poisons import (
    Planted,
    expect_unknown_subject_refused,
    malformed_events,
    orders_refused,
    place_order,
    ticket_lost,
)
from faults.quiet import settle_with_nothing_wrong, until_quiet
from faults.scenario import Outcome, Scenario, promise
from faults.world import Person, World
from marketplace.operations.dead_letters import DeadLetter, drop_dead_letter, list_dead_letters, replay_dead_letter

_POLICY = RetryPolicy()
_SLACK_SECONDS = 2.0
"""By which a retry may be later than it is due, on a busy machine."""


async def run(world: World) -> Outcome:
    await until_quiet(world)
    before = {letter.id for letter in await list_dead_letters(world.operator)}
    seller, buyer = await world.person(), await world.person()
    lost, refused, long_refused = [await seller.lists() for _ in range(3)]
    await until_quiet(world)
    async with malformed_events(world, world.size(10, 1)) as planted:
        async with overheard_acks(world.operator.broker) as acks, _a_crowd(world, seller, buyer) as waits:
            hopeless = await _expect_dead_letter(world, before, planted)
            await _expect_replay_refused(world, hopeless)
            await expect_unknown_subject_refused(world)
            async with ticket_lost(world, lost):
                orders = await _expect_dead_letter(world, before, [await place_order(world, buyer, lost)])
                await _expect_replay_refused(world, orders)
            await _expect_replay_mends(world, orders)
            async with orders_refused(world, refused, long_refused):
                retried = await place_order(world, buyer, refused)
                exhausted = await place_order(world, buyer, long_refused) if not world.short else None
                await _expect_verdicts(acks, retried, ["-NAK", "-NAK"])
                async with orders_refused(world, long_refused):  # the cause of the one is gone, the other's is not
                    await _expect_verdicts(acks, retried, ["-NAK", "-NAK", "+ACK"])
                    if exhausted is not None:
                        verdicts = ["-NAK"] * len(_POLICY.delays) + ["+TERM"]
                        await _expect_verdicts(acks, exhausted, verdicts, on_step=world.progress)
                        given_up = await _expect_dead_letter(world, before, [exhausted], deliveries=_POLICY.deliveries)
                        await _expect_replay_refused(world, given_up)
                        orders += given_up
            await _expect_replay_mends(world, orders[1:])
        await _drop(world, before, planted)
    await settle_with_nothing_wrong(world)
    worst, usual = max(waits), statistics.median(waits)
    promise(worst < _POLICY.delays[0], f"a good event took {worst:.2f} s, of {len(waits)}; usual: {usual:.2f}")
    promise(len(waits) >= world.size(200, 10), f"only {len(waits)} good events: too few to say anything")
    return Outcome(
        done=f"{len(waits)} good orders meanwhile, at the same consumers",
        injected=f"{len(planted)} messages that are no event, or of another type than their subject, of every type; "
        "an order for a ticket that tickets has lost; one that tickets' database refuses for 2 s"
        + ("" if world.short else ", and one for good"),
        checked="one dead letter a consumer, with bytes, headers, reason and deliveries; retries on schedule; an "
        "unknown subject is refused; a replay fails while the cause is there, and succeeds afterwards; no good event "
        "delayed by as much as the first retry; the audit",
        figures={
            "dead letters": str(len(hopeless) + len(orders)),
            "good event, usual": f"{usual * 1000:.0f} ms",
            "good event, slowest": f"{worst * 1000:.0f} ms",
            "deliveries before it became a dead letter": str(_POLICY.deliveries) if exhausted else "(full run)",
        },
    )


@asynccontextmanager
async def _a_crowd(world: World, seller: Person, buyer: Person) -> AsyncIterator[list[float]]:
    """Two people who go on ordering; how long it took until each ordered ticket was held."""
    waits: list[float] = []
    over = asyncio.Event()
    tickets = world.operator.databases["tickets"]["tickets"]

    async def keep_ordering() -> None:
        while not over.is_set():
            ticket = await seller.lists()
            order = (await buyer.orders(ticket)).json()["id"]
            held = partial(tickets.find_one, {"_id": ticket, "order_id": order})
            began = time.monotonic()
            await eventually(held, within=30, what=f"{ticket} held by {order}")
            waits.append(time.monotonic() - began)
            await asyncio.sleep(world.random.uniform(0, 0.2))

    ordering = asyncio.gather(keep_ordering(), keep_ordering())
    try:
        yield waits
    finally:
        over.set()
        await ordering


async def _expect_dead_letter(
    world: World, before: set[int], planted: list[Planted], deliveries: int = 1
) -> list[DeadLetter]:
    """One dead letter for each, at each consumer that hears it."""
    wanted = {(consumer, each.stream, each.sequence): each for each in planted for consumer in each.consumers}

    async def missing() -> set[tuple[str, str, int]]:
        return wanted.keys() - {_place(letter) for letter in await list_dead_letters(world.operator)}

    await eventually(missing, until=lambda found: not found, within=20, what="a dead letter of each, at each consumer")
    letters = [
        each for each in await list_dead_letters(world.operator) if each.id not in before and _place(each) in wanted
    ]
    promise(len(letters) == len(wanted), f"{len(letters)} dead letters of {len(wanted)} deliveries")
    for letter in letters:
        each = wanted[_place(letter)]
        promise(letter.event == each.subject, f"dead letter {letter.id} is of {letter.event}, not {each.subject}")
        promise(
            letter.data == each.data, f"dead letter {letter.id} has other bytes: {letter.data!r}, not {each.data!r}"
        )
        headers = letter.headers | {MESSAGE_ID: letter.headers.get(dead_letter.MESSAGE)}
        lost = {name: value for name, value in each.headers.items() if headers.get(name) != value}
        promise(not lost, f"dead letter {letter.id} has lost the headers {lost}")
        promise(letter.deliveries == deliveries, f"dead letter {letter.id}: {letter.deliveries} deliveries")
        promise(len(letter.reason) > 10, f"dead letter {letter.id} gives no reason: {letter.reason!r}")
    return letters


def _place(letter: DeadLetter) -> tuple[str, str, int]:
    return letter.consumer, letter.stream, letter.sequence


async def _expect_verdicts(
    acks: Acks, planted: Planted, verdicts: list[str], on_step: Callable[[int, int], None] = lambda _done, _all: None
) -> None:
    """So was it answered, delivery by delivery; each retry came when the schedule says, and not before."""
    (consumer,) = planted.consumers

    async def heard() -> list[Ack]:
        found = acks.of(consumer, planted.sequence)
        on_step(len(found), len(verdicts))
        return found

    found = await eventually(
        heard,
        until=lambda seen: len(seen) >= len(verdicts),
        within=sum(_POLICY.delays[: len(verdicts)]) + 10,
        what=f"{', '.join(verdicts)} of {planted.subject}",
    )
    seen = [(ack.verdict, ack.delivery) for ack in found[: len(verdicts)]]
    promise(seen == [(verdict, number + 1) for number, verdict in enumerate(verdicts)], f"{planted.subject}: {seen}")
    for ack, following, delay in zip(found, found[1:], _POLICY.delays, strict=False):
        promise(
            ack.delay == delay, f"{planted.subject}, delivery {ack.delivery}: put off by {ack.delay} s, not {delay}"
        )
        later = following.at - ack.at
        promise(
            delay - 0.05 <= later <= delay + _SLACK_SECONDS,
            f"{planted.subject}: delivery {following.delivery} came {later:.2f} s after the one before, not {delay}",
        )


async def _expect_replay_refused(world: World, letters: list[DeadLetter]) -> None:
    for letter in letters:
        reason = await replay_dead_letter(world.operator, letter)
        promise(reason != "", f"the replay of {letter.event} at {letter.consumer} succeeded, its cause being there")
    there = {letter.id for letter in await list_dead_letters(world.operator)}
    gone = [letter.event for letter in letters if letter.id not in there]
    promise(not gone, f"dead letters gone after a replay that failed: {gone}")


async def _expect_replay_mends(world: World, letters: list[DeadLetter]) -> None:
    for letter in letters:
        reason = await replay_dead_letter(world.operator, letter)
        promise(reason == "", f"the replay of {letter.event} failed, its cause being gone: {reason}")
        there = {each.id for each in await list_dead_letters(world.operator)}
        promise(letter.id not in there, f"the dead letter of {letter.event} is still there after its replay")


async def _drop(world: World, before: set[int], planted: list[Planted]) -> None:
    """What is left among the dead letters is what was planted, and nothing else."""
    places = {(consumer, each.stream, each.sequence) for each in planted for consumer in each.consumers}
    left = [letter for letter in await list_dead_letters(world.operator) if letter.id not in before]
    others = [(letter.consumer, letter.event, letter.reason) for letter in left if _place(letter) not in places]
    promise(not others, f"other dead letters: {others[:3]}")
    promise(len(left) == len(places), f"{len(left)} dead letters of {len(places)} deliveries")
    for letter in left:
        await drop_dead_letter(world.operator, letter)


SCENARIO = Scenario("Poison", run)
