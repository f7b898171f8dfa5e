"""Someone who uses the marketplace through its gateway."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any, Self

import httpx

from devkit.testing.eventually import eventually


class _Transport(httpx.AsyncHTTPTransport):
    """Waits for the requests that have begun, before it closes its connections.

    Otherwise httpcore opens a new connection for such a request, after it has closed all others, and never closes it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._begun: set[asyncio.Event] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        ended = asyncio.Event()
        self._begun.add(ended)
        try:
            return await super().handle_async_request(request)
        finally:
            self._begun.remove(ended)
            ended.set()

    async def aclose(self) -> None:
        for ended in tuple(self._begun):
            await ended.wait()
        await super().aclose()


class Person:
    def __init__(self, client: httpx.AsyncClient) -> None:
        self.http = client

    @classmethod
    @asynccontextmanager
    async def signed_up(cls, url: str) -> AsyncIterator[Self]:
        """Sign up with a new address. At the end, wait for the requests of this person that have begun."""
        async with aclosing(httpx.AsyncClient(base_url=url, timeout=20, transport=_Transport())) as client:
            credentials = {"email": f"{secrets.token_hex(8)}@example.com", "password": "correct horse"}
            answer = await client.post("/api/users/signup", json=credentials)
            assert answer.status_code == 201, answer.text
            yield cls(client)

    async def lists(self, title: str = "Concert", price: float = 19.99) -> dict[str, Any]:
        return self._created(await self.http.post("/api/tickets", json={"title": title, "price": price}))

    async def orders(self, ticket: dict[str, Any], **more: Any) -> dict[str, Any]:
        return self._created(await self.http.post("/api/orders", json={"ticketId": ticket["id"], **more}))

    async def pays(self, order: dict[str, Any], token: str = "pm_card_visa") -> dict[str, Any]:
        body = {"orderId": order["id"], "token": token}
        return self._created(await self.http.post("/api/payments", json=body))

    async def sees(self, path: str) -> dict[str, Any]:
        answer = await self.http.get(path)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def sees_order_become(self, order: dict[str, Any], status: str, within: float = 20) -> None:
        await eventually(
            lambda: self.sees(f"/api/orders/{order['id']}"),
            until=lambda seen: seen["status"] == status,
            within=within,
            what=f"an order that is {status}",
        )

    async def sees_ticket_held_by(self, ticket: dict[str, Any], order_id: str | None, within: float = 20) -> None:
        await eventually(
            lambda: self.sees(f"/api/tickets/{ticket['id']}"),
            until=lambda seen: seen["orderId"] == order_id,
            within=within,
            what=f"a ticket held by {order_id}",
        )

    def _created(self, answer: httpx.Response) -> dict[str, Any]:
        assert answer.status_code == 201, answer.text
        body: dict[str, Any] = answer.json()
        return body
