"""A repeated request whose first answer was not stored still places only one order per Idempotency-Key."""

from dataclasses import replace
from typing import Any

import httpx
import pytest

from common.domain.ids import UserId
from common.events.tickets import TicketCreated
from common.http.dependencies import Dependencies
from common.http.idempotent_requests import IdempotentRequests
from devkit.testing.interception import Died, InterceptedCollection, Operation
from devkit.testing.running import RunningService

HEADERS = {"Idempotency-Key": '"a-key"'}


async def die_before_the_answer_is_kept(name: str, operation: Operation) -> Any:
    if name == "update_one":
        raise Died
    return await operation()


async def test_a_repeated_request_finds_its_order_even_after_a_cancellation(
    running: RunningService, later: RunningService, buying: httpx.AsyncClient, buyer: UserId, ticket: TicketCreated
) -> None:
    """The process dies after the order and before its answer is stored. Then the ticket becomes free again."""
    body = {"ticketId": ticket.id}
    dependencies: Dependencies = running.app.state.dependencies
    assert dependencies.idempotent_requests is not None
    collection: Any = InterceptedCollection(dependencies.idempotent_requests.collection, die_before_the_answer_is_kept)
    requests = IdempotentRequests(collection, dependencies.idempotent_requests.clock)
    running.app.state.dependencies = replace(dependencies, idempotent_requests=requests)
    with pytest.raises(Died):
        await buying.post("/api/orders", json=body, headers=HEADERS)
    (order,) = (await buying.get("/api/orders")).json()["orders"]
    assert (await buying.delete(f"/api/orders/{order['id']}")).status_code == 204

    again = await later.client(buyer).post("/api/orders", json=body, headers=HEADERS)

    assert (again.status_code, again.json()["id"]) == (201, order["id"]), "the order that the first request placed"
    assert len((await buying.get("/api/orders")).json()["orders"]) == 1
