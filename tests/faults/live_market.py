"""Sellers and buyers whose changes the pages show: each ticket goes one seeded way from its listing to its end."""

import asyncio
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx

from faults.context import Person
from faults.patient_request import request_patiently
from faults.scenario import require

_WAYS = (
    ("order", "pay"),
    ("order", "give up", "order", "pay"),
    ("change the price", "order", "extend", "pay"),
    ("let expire", "order", "pay"),
    ("change the price", "withdraw"),
    ("order", "give up", "change the price", "order", "give up", "withdraw"),
)
_PAUSE_SECONDS = (0.5, 6.0)
"""How long a person reads before the next step. With half of it, two slow cores are busy without any fault."""
_RETRY_SECONDS = 0.1
_MOST_TRIES = 300


@dataclass
class Market:
    seller: Person
    buyer: Person
    word: str
    """Each title contains it, so that a page can search for the tickets of this run."""
    tickets: list[str] = field(default_factory=list)
    """The tickets of this run, newest last."""
    steps: int = 0
    is_closing: bool = False
    _prices: int = 0

    async def trade(self, chance: Random) -> None:
        while not self.is_closing:
            await self._one_ticket(chance)

    async def _one_ticket(self, chance: Random) -> None:
        listed = await self._ask(self.seller, "POST", "/api/tickets", self._listing())
        ticket = str(listed["id"])
        self.tickets.append(ticket)
        order = ""
        for step in chance.choice(_WAYS):
            await asyncio.sleep(chance.uniform(*_PAUSE_SECONDS))  # a person reads; nothing to wait for
            match step:
                case "change the price":
                    await self._ask(self.seller, "PUT", f"/api/tickets/{ticket}", self._listing())
                case "withdraw":
                    await self._ask(self.seller, "DELETE", f"/api/tickets/{ticket}")
                case "order" | "let expire":
                    window = {"windowSeconds": 1} if step == "let expire" else {}
                    placed = await self._ask(self.buyer, "POST", "/api/orders", {"ticketId": ticket, **window})
                    order = str(placed["id"])
                case "extend":
                    await self._ask(self.buyer, "POST", f"/api/orders/{order}/extension")
                case "give up":
                    await self._ask(self.buyer, "DELETE", f"/api/orders/{order}")
                case "pay":
                    card = {"orderId": order, "token": "pm_card_visa"}
                    await self._ask(self.buyer, "POST", "/api/payments", card)
            self.steps += 1

    def _listing(self) -> dict[str, Any]:
        """Return a listing with a price that no ticket of this run has had before."""
        self._prices += 1
        return {"title": f"Concert {self.word}", "price": (1000 + self._prices) / 100}

    async def _ask(self, person: Person, method: str, path: str, json: dict[str, Any] | None = None) -> dict[str, Any]:
        """Repeat the request while another service has not learnt yet that the ticket is free again (409)."""
        for _ in range(_MOST_TRIES):
            answer = await request_patiently(person, method, path, json=json)
            if answer.status_code != httpx.codes.CONFLICT:
                break
            await asyncio.sleep(_RETRY_SECONDS)
        # 404: the first answer to a withdrawal was lost
        fits = answer.is_success or (method == "DELETE" and answer.status_code == httpx.codes.NOT_FOUND)
        require(fits, f"{method} {path}: {answer.status_code} {answer.text}")
        return dict(answer.json()) if answer.is_success and answer.content else {}
