"""An Idempotency-Key whose stored answer has expired does not answer for another request.

The order or payment of the first request keeps the key for ever, so it must be compared with what is asked now, as
https://docs.stripe.com/idempotency says.
"""

from typing import Any

import httpx
from integration.keys import a_ticket, with_key

from common.domain.ids import new_id
from devkit.testing.events import EventStreams
from devkit.testing.problem_details import assert_problem
from devkit.testing.running import RunningService, somebody
from devkit.testing.samples import order_events


async def forget_all_answers(running: RunningService) -> None:
    """As MongoDB does 48 hours after a request."""
    stored: Any = running.collection("idempotent_requests")
    assert (await stored.delete_many({})).deleted_count


def assert_refused(answer: httpx.Response) -> None:
    problem = assert_problem(answer, 422, "another request with the same key")
    assert problem["type"].endswith(":idempotency-key-reused")
    assert problem["errors"][0]["field"] == "Idempotency-Key"


async def test_an_old_key_orders_no_other_ticket_and_still_finds_its_own_order(
    streams: EventStreams, ordering: RunningService
) -> None:
    client, headers = ordering.client(somebody()), with_key()
    first, other = await a_ticket(streams), await a_ticket(streams)
    placed = await client.post("/api/orders", json={"ticketId": first}, headers=headers)
    await forget_all_answers(ordering)
    assert_refused(await client.post("/api/orders", json={"ticketId": other}, headers=headers))
    await forget_all_answers(ordering)
    again = await client.post("/api/orders", json={"ticketId": first}, headers=headers)
    assert (again.status_code, again.json()["id"]) == (201, placed.json()["id"])


async def test_an_old_key_pays_no_other_order_and_still_finds_its_own_payment(
    streams: EventStreams, paying: RunningService
) -> None:
    buyer = somebody()
    (first, _, _), (other, _, _) = order_events(new_id(), buyer=buyer), order_events(new_id(), buyer=buyer)
    await streams.publish(first, other)
    client, headers = paying.client(buyer), with_key()
    paid = await client.post("/api/payments", json={"orderId": first.id, "token": "tok_visa"}, headers=headers)
    assert paid.status_code == 201, paid.text
    await forget_all_answers(paying)
    assert_refused(await client.post("/api/payments", json={"orderId": other.id, "token": "tok_visa"}, headers=headers))
    await forget_all_answers(paying)
    again = await client.post("/api/payments", json={"orderId": first.id, "token": "tok_visa"}, headers=headers)
    assert (again.status_code, again.json()["id"]) == (201, paid.json()["id"])
