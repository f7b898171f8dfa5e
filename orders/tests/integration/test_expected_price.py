"""The field `expectedPrice` of an order: what the buyer saw is what the buyer pays."""

from typing import Any

import httpx
import pytest

from common.domain.ids import UserId
from common.events.orders import OrderCreated
from common.events.tickets import TicketCreated
from devkit.testing.events import EventStreams
from devkit.testing.problem_details import Refusal, refusal
from devkit.testing.running import RunningService
from devkit.testing.samples import changed_ticket
from orders.service import OrderService

SEEN, NEW = 19.99, 999_999.99
"""The price of the ticket when the buyer looked, and the price that the seller has set after that."""
CHANGED = Refusal(409, "price-changed", ["expectedPrice"])
HEADERS = {"Idempotency-Key": '"a-key"'}


async def test_a_price_that_changed_between_the_look_and_the_order_is_not_charged(
    streams: EventStreams, orders: OrderService, buying: httpx.AsyncClient, ticket: TicketCreated
) -> None:
    await orders.follow_ticket(changed_ticket(ticket, 2, price=99_999_999))

    refused = await buying.post("/api/orders", json={"ticketId": ticket.id, "expectedPrice": SEEN})

    assert refusal(refused) == CHANGED
    assert refused.json()["detail"] == "The price is now $999,999.99, not $19.99. Nothing was ordered."
    assert (await buying.get("/api/orders")).json()["orders"] == []
    placed = await buying.post("/api/orders", json={"ticketId": ticket.id, "expectedPrice": NEW})
    assert (placed.status_code, placed.json()["ticket"]["price"]) == (201, NEW)
    assert len(await streams.eventually_published(OrderCreated)) == 1


@pytest.mark.parametrize("price", [19.98, 20, 0.01])
async def test_an_expected_price_must_be_equal_to_the_cent(
    buying: httpx.AsyncClient, ticket: TicketCreated, price: float
) -> None:
    refused = await buying.post("/api/orders", json={"ticketId": ticket.id, "expectedPrice": price})
    assert refusal(refused) == CHANGED
    assert f"not ${price:.2f}." in refused.json()["detail"]


@pytest.mark.parametrize("price", [{}, {"expectedPrice": None}, {"expectedPrice": SEEN}])
async def test_an_order_may_say_the_price_or_leave_it_out(
    buying: httpx.AsyncClient, ticket: TicketCreated, price: dict[str, float | None]
) -> None:
    placed = await buying.post("/api/orders", json={"ticketId": ticket.id, **price})
    assert (placed.status_code, placed.json()["ticket"]["price"]) == (201, SEEN)


@pytest.mark.parametrize("price", [0, -1, 19.999, True, [19.99], 1e9])
async def test_an_invalid_expected_price_is_refused(
    buying: httpx.AsyncClient, ticket: TicketCreated, price: object
) -> None:
    refused = await buying.post("/api/orders", json={"ticketId": ticket.id, "expectedPrice": price})
    assert refusal(refused) == Refusal(422, "bad-input", ["expectedPrice"])


async def test_a_repeated_order_is_returned_even_if_the_price_has_changed(
    running: RunningService,
    orders: OrderService,
    buying: httpx.AsyncClient,
    buyer: UserId,
    ticket: TicketCreated,
) -> None:
    """Both if its answer is stored, and if it is not, for example because the process died before."""
    body = {"ticketId": ticket.id, "expectedPrice": SEEN}
    placed = await buying.post("/api/orders", json=body, headers=HEADERS)
    assert placed.status_code == 201
    assert (await buying.delete(f"/api/orders/{placed.json()['id']}")).status_code == 204
    await orders.follow_ticket(changed_ticket(ticket, 2, price=99_999_999))

    replayed = await buying.post("/api/orders", json=body, headers=HEADERS)
    stored_answers: Any = running.collection("idempotent_requests")
    await stored_answers.delete_many({})
    found = await buying.post("/api/orders", json=body, headers=HEADERS)

    assert (replayed.status_code, replayed.json()) == (201, placed.json())
    assert (found.status_code, found.json()["id"]) == (201, placed.json()["id"])
