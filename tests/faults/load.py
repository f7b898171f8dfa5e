"""Simulated users who send requests during a fault, and a record of every answer."""

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from faults.confirmed import Confirmed
from faults.context import Person, ScenarioContext

NO_ANSWER = 0
"""Stands for a status when the connection was refused or broke."""

SUCCESS = {"sign up": 201, "browse": 200, "list": 201, "order": 201, "extend": 200, "pay": 201, "cancel": 204}
_MAKES = {"sign up": "user", "list": "ticket", "order": "order", "pay": "payment"}
_PAUSE_SECONDS = (0.01, 0.06)
_NEWCOMERS = 0.25
_EXTENDED = 0.25


@dataclass(frozen=True)
class Answer:
    to: str
    """The action: a key of SUCCESS."""
    status: int
    seconds: float
    detail: str
    began: float

    @property
    def is_success(self) -> bool:
        return self.status == SUCCESS[self.to]

    def __str__(self) -> str:
        return f"{self.to}: {self.status or 'no answer'} after {self.seconds:.2f} s ({self.detail})"


@dataclass
class Load:
    context: ScenarioContext
    seller: Person
    buyer: Person
    newcomer: Person
    answers: list[Answer] = field(default_factory=list)
    confirmed: Confirmed = field(default_factory=set)
    _stopping: bool = False

    def counts(self) -> Counter[int]:
        return Counter(answer.status for answer in self.answers)

    def other_than(self, fitting: Callable[[Answer], bool]) -> list[Answer]:
        return [answer for answer in self.answers if not fitting(answer)]

    async def journeys(self) -> None:
        while not self._stopping:
            await self._journey()

    def stop(self) -> None:
        self._stopping = True

    async def _journey(self) -> None:
        """List, order, perhaps extend, and pay or cancel. A failed request is recorded and ends the journey."""
        if self.context.random.random() < _NEWCOMERS:
            credentials = {"email": f"{secrets.token_hex(8)}@example.com", "password": "correct horse battery"}
            await self._ask("sign up", self.newcomer, "POST", "/api/users/signup", json=credentials)
        await self._ask("browse", self.buyer, "GET", "/api/tickets")
        listing = {"title": "Concert", "price": 19.99}
        listed = await self._ask("list", self.seller, "POST", "/api/tickets", json=listing)
        if listed is None:
            return
        placed = await self._ask("order", self.buyer, "POST", "/api/orders", json={"ticketId": listed["id"]})
        if placed is None:
            return
        if self.context.random.random() < _EXTENDED:
            await self._ask("extend", self.buyer, "POST", f"/api/orders/{placed['id']}/extension")
        if self.context.random.random() < 0.5:
            await self._ask("cancel", self.buyer, "DELETE", f"/api/orders/{placed['id']}")
        else:
            payment = {"orderId": placed["id"], "token": "pm_card_visa"}
            await self._ask("pay", self.buyer, "POST", "/api/payments", json=payment)

    async def _ask(self, to: str, person: Person, method: str, path: str, **request: Any) -> dict[str, Any] | None:
        """Send one request without retries, and record the answer; return the body of a success."""
        await asyncio.sleep(self.context.random.uniform(*_PAUSE_SECONDS))
        body: dict[str, Any] = {}
        began = time.monotonic()
        try:
            response = await person.http.request(method, path, **request)
        except httpx.TransportError as error:
            status, detail = NO_ANSWER, repr(error)
        else:
            status = response.status_code
            body = response.json() if response.content else {}
            detail = str(body.get("detail", ""))
        answer = Answer(to, status, time.monotonic() - began, detail, began)
        self.answers.append(answer)
        if not answer.is_success:
            return None
        if kind := _MAKES.get(to):
            self.confirmed.add((kind, body["id"]))
        return body


@asynccontextmanager
async def load(context: ScenarioContext, people: int) -> AsyncIterator[Load]:
    """Run this number of concurrent users. On exit, wait for the answers to their last requests."""
    under_load = Load(context, await context.person(), await context.person(), await context.person())
    people_at_it = [asyncio.create_task(under_load.journeys()) for _ in range(people)]
    try:
        yield under_load
    finally:
        under_load.stop()
        await asyncio.gather(*people_at_it)
