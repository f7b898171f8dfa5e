"""The crashes of the scenario *Crash points*: which there are, and which requests lead to each."""

import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import httpx

from common.domain.event import Event
from common.events.catalog import MESSAGES
from common.messaging.consumer import Consumer
from devkit.testing.eventually import eventually
from faults.acks import Acks
from faults.context import Person, ScenarioContext
from faults.crash_moments import BEFORE_ACK, BEFORE_CLEAR, BEFORE_PUBLISH
from faults.crashing_instance import CrashingInstance
from faults.outboxes import OWNERS
from faults.scenario import require
from marketplace import registry
from marketplace.registry import CONSUMERS_OF

MOMENTS = (BEFORE_PUBLISH, BEFORE_CLEAR, BEFORE_ACK)
_CAUSES = {
    "user.registered": "sign up",
    "ticket.created": "list",
    "ticket.updated": "order",
    "ticket.withdrawn": "withdraw",
    "order.created": "order",
    "order.extended": "extend",
    "order.cancelled": "cancel",
    "order.completed": "pay",
    "payment.created": "pay",
    "expiration.alarm": "expire",
    "expiration.completed": "expire",
}
"""The user's action that leads to each event. No action leads to a refund for certain: see late_payment."""


@dataclass(frozen=True)
class Crash:
    service: str
    moment: str
    what: str
    """The event's type, or the consumer's name."""
    cause: str

    def __str__(self) -> str:
        return f"{self.service} {self.moment} {self.what}"

    @property
    def consumer(self) -> Consumer[Any]:
        return next(each for each in CONSUMERS_OF[self.service] if each.name == self.what)


@dataclass(frozen=True)
class Scene:
    context: ScenarioContext
    seller: Person
    buyer: Person
    new_user: Person
    """Signs up with a new address each time."""
    acks: Acks
    tickets: list[str] = field(default_factory=list)

    async def list_ticket(self) -> str:
        self.tickets.append(await self.seller.list_ticket())
        return self.tickets[-1]


def every_crash() -> list[Crash]:
    publishing = [
        Crash(OWNERS[kind.partition(".")[0]][0], moment, kind, cause)
        for kind, cause in _CAUSES.items()
        if issubclass(MESSAGES[kind], Event)  # a timer is not in an outbox
        for moment in (BEFORE_PUBLISH, BEFORE_CLEAR)
    ]
    consuming = [
        Crash(service, BEFORE_ACK, consumer.name, _CAUSES[consumer.on[0].type_name()])
        for service, consumers in CONSUMERS_OF.items()
        for consumer in consumers
    ]
    return publishing + consuming


class _InstanceCrashedError(Exception):
    """The crashing instance no longer answers."""


async def cause_event(scene: Scene, crash: Crash, instance: CrashingInstance, ticket: str) -> None:
    """Send the requests that lead to the event. Those for the crashing service go to the crashing instance.

    When that instance has crashed, the remaining requests are not sent.
    """
    with suppress(_InstanceCrashedError):
        await _send_requests(scene, crash, instance, ticket)


async def _send_requests(scene: Scene, crash: Crash, instance: CrashingInstance, ticket: str) -> None:
    async def send(person: Person, method: str, path: str, **request: Any) -> httpx.Response:
        if not path.startswith(registry.service(crash.service).routes):
            return await person.request_with_retries(method, path, **request)
        try:
            return await person.http.request(method, instance.url + path, **request)
        except httpx.TransportError:
            raise _InstanceCrashedError from None

    async def ask(person: Person, method: str, path: str, **body: Any) -> dict[str, Any]:
        answer = await send(person, method, path, **({"json": body} if body else {}))
        require(answer.status_code < 300, f"{method} {path}: {answer.status_code} {answer.text}")
        return dict(answer.json()) if answer.content else {}

    async def is_known_to_payments(placed: str) -> bool:
        answer = await send(scene.buyer, "GET", "/api/payments", params={"orderId": placed})
        return answer.status_code == httpx.codes.OK

    async def order(window: int) -> str:
        return str((await ask(scene.buyer, "POST", "/api/orders", ticketId=ticket, windowSeconds=window))["id"])

    steps: dict[str, Callable[[], Awaitable[Any]]] = {
        "sign up": lambda: ask(scene.new_user, "POST", "/api/users/signup", email=_new_address(), password="a" * 12),
        "list": lambda: ask(scene.seller, "POST", "/api/tickets", title="Concert", price=20),
        "withdraw": lambda: ask(scene.seller, "DELETE", f"/api/tickets/{ticket}"),
        "order": lambda: order(30),
        "expire": lambda: order(1),
    }
    if crash.cause in steps:
        await steps[crash.cause]()
        return
    placed = await order(30)
    if crash.cause == "cancel":
        await ask(scene.buyer, "DELETE", f"/api/orders/{placed}")
    elif crash.cause == "extend":
        await ask(scene.buyer, "POST", f"/api/orders/{placed}/extension")
    else:
        # The payments service receives the order later while one of its instances starts.
        await eventually(partial(is_known_to_payments, placed), what="an order that payments knows")
        await ask(scene.buyer, "POST", "/api/payments", orderId=placed, token="pm_card_visa")


def _new_address() -> str:
    return f"{secrets.token_hex(8)}@example.com"
