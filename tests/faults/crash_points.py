"""Crash points: a process that dies between two steps, exactly there, leaves nothing undone and nothing done twice."""

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from common.domain.event import Event
from common.events.catalog import MESSAGES
from common.messaging.consumer import Consumer
from common.messaging.streams import stream_of
from faults.acks import Acks, overheard_acks
from faults.dying import DyingService
from faults.exactly_once import events_unlike_changes, tickets_changed_too_often
from faults.moments import BEFORE_ACK, BEFORE_CLEAR, BEFORE_PUBLISH
from faults.quiet import expire_what_is_open, settle_with_nothing_wrong, until_quiet
from faults.scenario import Outcome, Scenario, promise
from faults.told import OWNERS
from faults.world import Person, World
from marketplace import registry
from marketplace.operations.dead_letters import list_dead_letters
from marketplace.operations.stream_reader import count_messages
from marketplace.registry import CONSUMERS_OF

_CAUSES = {
    "user.registered": "sign up",
    "ticket.created": "list",
    "ticket.updated": "order",
    "order.created": "order",
    "order.cancelled": "cancel",
    "order.completed": "pay",
    "payment.created": "pay",
    "expiration.alarm": "expire",
    "expiration.completed": "expire",
}
"""What a person does to bring an event about. A refund cannot be brought about for certain: see late_payment."""
_CAUSED_AT_ONCE = 6
_PATIENCE_SECONDS = 40.0


@dataclass(frozen=True)
class Crash:
    service: str
    moment: str
    what: str
    """The event's type, or the consumer's name."""
    cause: str

    def __str__(self) -> str:
        return f"{self.service} {self.moment} {self.what}"


@dataclass(frozen=True)
class Scene:
    world: World
    seller: Person
    buyer: Person
    somebody: Person
    """Who signs up again and again."""
    acks: Acks
    tickets: list[str] = field(default_factory=list)

    async def a_ticket(self) -> str:
        self.tickets.append(await self.seller.lists())
        return self.tickets[-1]


async def run(world: World) -> Outcome:
    crashes = list(_every_crash())
    async with overheard_acks(world.operator.broker) as acks:
        scene = Scene(world, await world.person(), await world.person(), await world.person(), acks)
        if world.short:
            # One of each moment, all at once, beside the running instances: who is alive takes over.
            chosen = [world.random.choice([each for each in crashes if each.moment == m]) for m in _MOMENTS]
            await _crash(scene, chosen, alone=False)
        else:
            # One after the other, with no other instance of the service: who is started afterwards takes over.
            chosen = crashes
            for done, crash in enumerate(chosen):
                await _crash(scene, [crash], alone=True)
                world.progress(done + 1, len(chosen))
    wrong = await events_unlike_changes(world)
    promise(not wrong, f"the events are not the changes: {wrong[:3]}")
    too_often = await tickets_changed_too_often(world, scene.tickets)
    promise(not too_often, f"handled twice, with an effect each time: {too_often[:3]}")
    counts = Counter(crash.moment for crash in chosen)
    return Outcome(
        done="users signed up; tickets listed, ordered, paid, cancelled, expired",
        injected="a process of the real service killing itself (SIGKILL) once, between write and publish, between "
        "publish and clearing of the outbox, between a handler's write and its ack"
        + ("; the other instances run on" if world.short else "; no other instance running, two started afterwards"),
        checked=("" if world.short else "the outbox, the stream and the consumer are left as that moment leaves them; ")
        + "the event "
        "once in its stream, acknowledged once, at a later delivery; no dead letter; the audit; the events are the "
        "changes, each once; no ticket changed more often than its orders did",
        figures={moment: str(counts[moment]) for moment in _MOMENTS},
    )


_MOMENTS = (BEFORE_PUBLISH, BEFORE_CLEAR, BEFORE_ACK)


def _every_crash() -> list[Crash]:
    publishing = [
        Crash(OWNERS[kind.partition(".")[0]][0], moment, kind, cause)
        for kind, cause in _CAUSES.items()
        if issubclass(MESSAGES[kind], Event)  # a timer lies in no outbox
        for moment in (BEFORE_PUBLISH, BEFORE_CLEAR)
    ]
    consuming = [
        Crash(service, BEFORE_ACK, consumer.name, _CAUSES[consumer.on[0].type_name()])
        for service, consumers in CONSUMERS_OF.items()
        for consumer in consumers
    ]
    return publishing + consuming


async def _crash(scene: Scene, crashes: Sequence[Crash], *, alone: bool) -> None:
    """Let each happen, see that it was what it was meant to be, and that what it left behind is put right."""
    world = scene.world
    await expire_what_is_open(world)  # else the deadline of an older order might be what it dies of
    before = {letter.id for letter in await list_dead_letters(world.operator)}
    tickets = [[await scene.a_ticket() for _ in range(1 if alone else _CAUSED_AT_ONCE)] for _ in crashes]
    await until_quiet(world)  # nothing is to be found by a sweep that should die of something else
    instances = [name for crash in crashes for name in (crash.service, f"{crash.service}-2")] if alone else []
    for name in instances:
        await world.platform.kill(name, restart=False)
    dying = [DyingService(world, crash.service, crash.moment, crash.what) for crash in crashes]
    try:
        await asyncio.gather(*(each.start() for each in dying))
        subjects = await asyncio.gather(*map(_die_of_it, [scene] * len(crashes), crashes, dying, tickets))
        if alone:  # else the others are mending it already
            for crash, subject in zip(crashes, subjects, strict=True):
                await _expect_moment(scene, crash, subject)
    finally:
        await asyncio.gather(*(each.kill() for each in dying))
        await asyncio.gather(*map(world.platform.start, instances))
    await settle_with_nothing_wrong(world)
    for crash, subject in zip(crashes, subjects, strict=True):
        await _expect_mended(scene, crash, subject)
    new = [letter for letter in await list_dead_letters(world.operator) if letter.id not in before]
    promise(
        not new, f"after {', '.join(map(str, crashes))} dead-lettered: {[(n.consumer, n.event, n.reason) for n in new]}"
    )


async def _die_of_it(scene: Scene, crash: Crash, dying: DyingService, tickets: Sequence[str]) -> str:
    """Bring the event about, again and again while another instance is given it; return the one that was died of."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while dying.is_running:
        promise(time.monotonic() < deadline, f"{crash}: it did not come to that moment")
        await asyncio.gather(*(_cause(scene, crash, dying, ticket) for ticket in tickets))
        await dying.wait(2.5 if crash.cause == "expire" else 0.5 if len(tickets) > 1 else 10)
        if dying.is_running:
            tickets = [await scene.a_ticket() for _ in tickets]
    subject = dying.died_of()
    promise(subject is not None, f"{crash}: it died of something else ({dying.ending}): {dying.last_lines(3)}")
    return str(subject)


async def _cause(scene: Scene, crash: Crash, dying: DyingService, ticket: str) -> None:
    """What is asked of the service that is to die is asked of the dying instance, which may take the answer along."""

    async def ask(person: Person, method: str, path: str, **body: Any) -> dict[str, Any]:
        request: dict[str, Any] = {"json": body} if body else {}
        if not path.startswith(registry.service(crash.service).routes):
            answer = await person.insists(method, path, **request)
        else:
            try:
                answer = await person.http.request(method, dying.url + path, **request)
            except httpx.TransportError:
                return {}
        promise(answer.status_code < 300, f"{method} {path}: {answer.status_code} {answer.text}")
        return dict(answer.json()) if answer.content else {}

    async def order(window: int) -> str:
        return str((await ask(scene.buyer, "POST", "/api/orders", ticketId=ticket, windowSeconds=window)).get("id"))

    steps: dict[str, Callable[[], Awaitable[Any]]] = {
        "sign up": lambda: ask(scene.somebody, "POST", "/api/users/signup", email=_new_address(), password="a" * 12),
        "list": lambda: ask(scene.seller, "POST", "/api/tickets", title="Concert", price=20),
        "order": lambda: order(30),
        "expire": lambda: order(1),
    }
    if crash.cause in steps:
        await steps[crash.cause]()
        return
    placed = await order(30)
    if crash.cause == "cancel":
        await ask(scene.buyer, "DELETE", f"/api/orders/{placed}")
    else:
        await ask(scene.buyer, "POST", "/api/payments", orderId=placed, token="pm_card_visa")


def _new_address() -> str:
    return f"{secrets.token_hex(8)}@example.com"


async def _expect_moment(scene: Scene, crash: Crash, subject: str) -> None:
    """What a death at this moment leaves behind, with nobody there to mend it."""
    operator = scene.world.operator
    if crash.moment == BEFORE_ACK:
        consumer = _consumer(crash)
        info = await operator.broker.jetstream.consumer_info(consumer.stream.name, consumer.name)
        promise(bool(info.num_ack_pending), f"{crash}: nothing is in flight, so it died after its ack")
        return
    service, collection = OWNERS[subject.partition(".")[0]]
    key = subject.rpartition(".")[2]
    document = await operator.databases[service][collection].find_one({"_id": key}) or {}
    staged = [entry["subject"] for entry in document.get("outbox", [])]
    promise(subject in staged, f"{crash}: {subject} is not in the outbox any more: {staged}")
    there = await _count(scene, subject)
    promise(there == (crash.moment == BEFORE_CLEAR), f"{crash}: {there} of {subject} in the stream")


async def _expect_mended(scene: Scene, crash: Crash, subject: str) -> None:
    there = await _count(scene, subject)
    promise(there == 1, f"{crash}: {there} of {subject} in the stream")
    if crash.moment == BEFORE_ACK:
        consumer = _consumer(crash)
        message = await scene.world.operator.broker.jetstream.get_last_msg(consumer.stream.name, subject)
        acks = scene.acks.of(consumer.name, message.seq or 0)
        seen = [(ack.verdict, ack.delivery) for ack in acks]
        promise(len(acks) == 1 and acks[0].verdict == "+ACK" and acks[0].delivery > 1, f"{crash}: answered with {seen}")


async def _count(scene: Scene, subject: str) -> int:
    event_type = MESSAGES[subject.rpartition(".")[0]]
    return await count_messages(scene.world.operator.broker, stream_of(event_type).name, [subject])


def _consumer(crash: Crash) -> Consumer[Any]:
    return next(each for each in CONSUMERS_OF[crash.service] if each.name == crash.what)


SCENARIO = Scenario("Crash points", run)
