"""No lost event: whatever dies, whenever it dies, what changed has been told, once, and nothing else has."""

import asyncio
import secrets
from dataclasses import dataclass, field
from uuid import uuid4

import httpx

from common.storage.collection import Document
from devkit.testing.eventually import eventually
from faults.scenario import Outcome, Scenario, promise
from faults.told import OWNERS, agreement, changes_with_an_event, events_in_the_streams, outboxes_empty
from faults.world import Person, World
from marketplace.operations.snapshot import take_snapshot
from marketplace.registry import SERVICE_NAMES

_PEOPLE = 8
_OUTBOXES_EMPTY_WITHIN_SECONDS = 10.0
_IN_FLIGHT = "urn:ticket-marketplace:problem:request-in-flight"


async def run(world: World) -> Outcome:
    unsettled = await world.settle()
    promise(not unsettled, f"before anything was done, the audit found: {unsettled[:3]}")
    told_before = await events_in_the_streams(world)
    changed_before = changes_with_an_event(await take_snapshot(world.operator))

    crowd = await Crowd.gather(world)
    victims = _victims(world)
    people = [asyncio.create_task(crowd.go_on()) for _ in range(_PEOPLE)]
    try:
        await _kill_one_after_the_other(world, crowd, victims)
    finally:
        crowd.kills_are_done = True
        await asyncio.gather(*people)
    await world.platform.until_ready()
    empty_after = await outboxes_empty(world, within=_OUTBOXES_EMPTY_WITHIN_SECONDS)

    differences = await world.settle()
    promise(not differences, f"the audit found: {differences[:3]}")
    told, changed = await agreement(world, told_before, changed_before)
    await _all_answers_hold(world, crowd)
    return Outcome(
        done=f"{crowd.changes} changes through the gateway: sign up, list, change, order, cancel, pay, let expire",
        injected=f"{len(victims)} times kill -9, spread over {_whom(world)}, nats and mongod",
        checked="every version of every aggregate that has an event is in the streams exactly once, and nothing else; "
        "every change that was confirmed is stored; outboxes empty within 10 s; the audit: read models equal owners",
        figures={
            "events": str(told),
            "changes stored": str(changed),
            "outboxes empty after": f"{empty_after:.1f} s",
        },
    )


@dataclass
class Crowd:
    """People who list, order, cancel and pay, and who try again when nobody answers."""

    world: World
    seller: Person
    buyer: Person
    newcomer: Person
    goal: int
    changes: int = 0
    """Confirmed ones."""
    confirmed: set[tuple[str, str]] = field(default_factory=set)
    """Kind and id of what they were told exists."""
    kills_are_done: bool = False

    @classmethod
    async def gather(cls, world: World) -> "Crowd":
        return cls(world, await world.person(), await world.person(), await world.person(), goal=world.size(1000, 60))

    async def go_on(self) -> None:
        while self.changes < self.goal or not self.kills_are_done:
            await self._journey()

    async def _journey(self) -> None:
        chance = self.world.random
        if chance.random() < 0.1:
            credentials = {"email": f"{secrets.token_hex(8)}@example.com", "password": "correct horse battery"}
            await self._change("user", self.newcomer, "POST", "/api/users/signup", json=credentials)
        ticket = await self._change("ticket", self.seller, "POST", "/api/tickets", json=_listing(19.99))
        if ticket is None:
            return
        if chance.random() < 0.2:
            await self._change("ticket", self.seller, "PUT", f"/api/tickets/{ticket}", json=_listing(25))
        ending = chance.choice(("cancel", "cancel", "pay", "pay", "expire"))
        wanted = {"ticketId": ticket} | ({"windowSeconds": 1} if ending == "expire" else {})
        order = await self._change("order", self.buyer, "POST", "/api/orders", json=wanted)
        if order is None:
            return
        if ending == "cancel":
            await self._change("order", self.buyer, "DELETE", f"/api/orders/{order}")
        elif ending == "pay":
            card = {"orderId": order, "token": "pm_card_visa"}
            await self._change("payment", self.buyer, "POST", "/api/payments", json=card)

    async def _change(
        self, kind: str, person: Person, method: str, path: str, *, json: Document | None = None
    ) -> str | None:
        """Until it is answered; the id of what was made, None if it was refused.

        404 is asked again: with everything dying around it, an event may take longer than the second that a service
        waits for it.
        """
        headers = {"Idempotency-Key": str(uuid4())}
        for _ in range(60):
            answer = await person.insists(method, path, json=json, headers=headers)
            if answer.status_code != httpx.codes.NOT_FOUND and not _is_in_flight(answer):
                break
            headers = headers if _is_in_flight(answer) else {"Idempotency-Key": str(uuid4())}
            await asyncio.sleep(0.2)
        promise(answer.status_code < 500, f"{method} {path}: {answer.status_code} {answer.text}")
        if not answer.is_success:
            return None  # such as 409: done already by the request whose answer was lost
        self.changes += 1
        made = answer.json()["id"] if answer.content else path.rpartition("/")[2]
        self.confirmed.add((kind, made))
        return str(made)


def _listing(price: float) -> Document:
    return {"title": "Concert", "price": price}


def _is_in_flight(answer: httpx.Response) -> bool:
    return answer.status_code == httpx.codes.CONFLICT and answer.json()["type"] == _IN_FLIGHT


def _victims(world: World) -> list[str]:
    """In the short run one instance of each service, in the full run both, twice."""
    instances = [[service, f"{service}-2"] for service in SERVICE_NAMES]
    if world.short:
        victims = ["nats", "mongod", *(world.random.choice(both) for both in instances)]
        world.random.shuffle(victims)
        return victims
    twice = []
    for _ in range(2):
        everyone = ["nats", "mongod", *(name for both in instances for name in both)]
        world.random.shuffle(everyone)
        twice += everyone
    return twice


def _whom(world: World) -> str:
    return "one instance of every service" if world.short else "both instances of every service"


async def _kill_one_after_the_other(world: World, crowd: Crowd, victims: list[str]) -> None:
    """Spread over the changes; the supervisor starts each again at once, while the next one is about to die."""

    async def changes() -> int:
        return crowd.changes

    for number, name in enumerate(victims):
        due = crowd.goal * (number + 1) // (len(victims) + 1)
        await eventually(changes, until=lambda count, due=due: count >= due, within=120, what=f"{due} changes")
        await world.platform.until_ready(name)  # its second death, if the first one was not long ago
        await asyncio.sleep(world.random.uniform(0, 0.05))  # anywhere in the course of a change
        await world.platform.kill(name)
        world.progress(crowd.changes, crowd.goal)


async def _all_answers_hold(world: World, crowd: Crowd) -> None:
    """What somebody was told exists does."""
    snapshot = await take_snapshot(world.operator)
    gone = [f"{kind} {key}" for kind, key in crowd.confirmed if key not in snapshot.documents(*OWNERS[kind])]
    promise(not gone, f"confirmed, but not stored: {', '.join(gone[:5])}")
    promise(crowd.changes >= crowd.goal, f"only {crowd.changes} changes")


SCENARIO = Scenario("No lost event", run)
