"""No lost event: whichever processes crash, each stored change has exactly one event, and no other event exists."""

import asyncio
import operator
import secrets
from dataclasses import dataclass, field
from functools import partial

from common.storage.collection import Document
from devkit.testing.eventually import eventually
from faults.confirmed import Confirmed, require_confirmed_changes
from faults.context import Person, ScenarioContext
from faults.event_counts import count_events, wrong_event_counts
from faults.outboxes import outboxes_empty
from faults.patient_request import request_patiently
from faults.scenario import Outcome, Scenario, require
from marketplace.registry import SERVICE_NAMES

_PEOPLE = 8
_OUTBOXES_EMPTY_WITHIN_SECONDS = 10.0


async def run(context: ScenarioContext) -> Outcome:
    unsettled = await context.settle()
    require(not unsettled, f"before the scenario, the audit found: {unsettled[:3]}")
    events_before = await count_events(context)

    crowd = await Crowd.gather(context)
    victims = _victims(context)
    people = [asyncio.create_task(crowd.run_journeys()) for _ in range(_PEOPLE)]
    try:
        await _kill_one_after_the_other(context, crowd, victims)
    finally:
        crowd.kills_are_done = True
        await asyncio.gather(*people)
    await context.platform.until_ready()
    empty_after = await outboxes_empty(context, within=_OUTBOXES_EMPTY_WITHIN_SECONDS)

    differences = await context.settle()
    require(not differences, f"the audit found: {differences[:3]}")
    wrong = await wrong_event_counts(context)
    require(not wrong, f"{len(wrong)} differences between changes and events: {', '.join(wrong[:5])}")
    await require_confirmed_changes(context, crowd.confirmed)
    require(crowd.changes >= crowd.goal, f"only {crowd.changes} changes")
    return Outcome(
        done=f"{crowd.changes} changes through the gateway: sign up, list, change, order, cancel, pay, let expire",
        injected=f"{len(victims)} times kill -9 of {_whom(context)}, nats and mongod",
        checked="each published version of each aggregate has exactly one event in the streams, and there is no other; "
        "every confirmed change is stored; outboxes empty within 10 s; the audit: read models equal owners",
        figures={
            "events": str(await count_events(context) - events_before),
            "outboxes empty after": f"{empty_after:.1f} s",
        },
    )


@dataclass
class Crowd:
    """Simulated users who list, order, cancel and pay, and repeat a request without an answer."""

    context: ScenarioContext
    seller: Person
    buyer: Person
    newcomer: Person
    goal: int
    changes: int = 0
    """The number of confirmed changes."""
    confirmed: Confirmed = field(default_factory=set)
    kills_are_done: bool = False

    @classmethod
    async def gather(cls, context: ScenarioContext) -> "Crowd":
        seller, buyer, newcomer = [await context.person() for _ in range(3)]
        return cls(context, seller, buyer, newcomer, goal=context.size(1000, 60))

    async def run_journeys(self) -> None:
        while self.changes < self.goal or not self.kills_are_done:
            await self._journey()

    async def _journey(self) -> None:
        chance = self.context.random
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
        """Send the request patiently; return the id of the aggregate, None if the request was refused."""
        answer = await request_patiently(person, method, path, json=json)
        if not answer.is_success:
            return None  # such as 409: an earlier request, whose answer was lost, has made the change
        self.changes += 1
        made = answer.json()["id"] if answer.content else path.rpartition("/")[2]
        self.confirmed.add((kind, made))
        return str(made)


def _listing(price: float) -> Document:
    return {"title": "Concert", "price": price}


def _victims(context: ScenarioContext) -> list[str]:
    """Return the processes to kill, in order: in the short run one instance per service, else both, twice."""
    instances = [[service, f"{service}-2"] for service in SERVICE_NAMES]
    if context.short:
        victims = ["nats", "mongod", *(context.random.choice(both) for both in instances)]
        context.random.shuffle(victims)
        return victims
    twice = []
    for _ in range(2):
        everyone = ["nats", "mongod", *(name for both in instances for name in both)]
        context.random.shuffle(everyone)
        twice += everyone
    return twice


def _whom(context: ScenarioContext) -> str:
    return "one instance of every service" if context.short else "both instances of every service"


async def _kill_one_after_the_other(context: ScenarioContext, crowd: Crowd, victims: list[str]) -> None:
    """Kill the processes at equal distances of the run. The supervisor restarts each one at once."""

    async def changes() -> int:
        return crowd.changes

    for number, name in enumerate(victims):
        due = crowd.goal * (number + 1) // (len(victims) + 1)
        await eventually(changes, until=partial(operator.le, due), within=120, what=f"{due} changes")
        await context.platform.until_ready(name)  # it may still restart after an earlier kill
        await asyncio.sleep(context.random.uniform(0, 0.05))  # a random point within a change
        await context.platform.kill(name)
        context.progress(crowd.changes, crowd.goal)


SCENARIO = Scenario("No lost event", run)
