"""The field `expiresAt` of an extension: the deadline that the buyer has seen. With it, the request can be repeated."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from common.domain.ids import OrderId
from common.events.orders import OrderExtended
from common.events.tickets import TicketCreated
from devkit.testing.events import EventStreams
from devkit.testing.problem_details import Refusal, refusal
from devkit.testing.running import RunningService, somebody
from orders.service import OrderService


@pytest.fixture
async def order(buying: httpx.AsyncClient, ticket: TicketCreated) -> dict[str, Any]:
    placed: dict[str, Any] = (await buying.post("/api/orders", json={"ticketId": ticket.id})).json()
    return placed


async def extend(client: httpx.AsyncClient, order: dict[str, Any], seen: object) -> httpx.Response:
    return await client.post(f"/api/orders/{order['id']}/extension", json={"expiresAt": seen})


async def test_an_extension_with_the_deadline_that_the_buyer_has_seen_is_done_once(
    streams: EventStreams, buying: httpx.AsyncClient, order: dict[str, Any]
) -> None:
    first = await extend(buying, order, order["expiresAt"])
    assert (first.status_code, first.json()["extensionsLeft"], first.json()["version"]) == (200, 2, 2)
    repeated = await extend(buying, order, order["expiresAt"])
    assert (repeated.status_code, repeated.json()) == (200, first.json())
    second = await extend(buying, order, first.json()["expiresAt"])
    assert (second.status_code, second.json()["extensionsLeft"]) == (200, 1)
    assert len(await streams.eventually_published(OrderExtended, 2)) == 2


async def test_of_many_equal_extensions_at_once_one_is_done(
    running: RunningService, buying: httpx.AsyncClient, order: dict[str, Any]
) -> None:
    answers = await asyncio.gather(*(extend(buying, order, order["expiresAt"]) for _ in range(10)))
    assert {(each.status_code, each.json()["extensionsLeft"]) for each in answers} == {(200, 2)}


@pytest.mark.parametrize("finer", [timedelta(0), timedelta(microseconds=999)], ids=["equal", "finer"])
@pytest.mark.parametrize("offset", ["+00:00", "Z", "+05:30"])
async def test_deadlines_are_compared_in_milliseconds_in_any_time_zone(
    buying: httpx.AsyncClient, order: dict[str, Any], finer: timedelta, offset: str
) -> None:
    zone = datetime.fromisoformat(f"2027-01-01T00:00:00{offset}").tzinfo
    deadline = datetime.fromisoformat(order["expiresAt"])
    a_millisecond_before = (deadline - timedelta(milliseconds=1) + finer).astimezone(zone).isoformat()
    assert (await extend(buying, order, a_millisecond_before)).json() == order
    seen = (deadline + finer).astimezone(zone).isoformat().replace("+00:00", offset)
    assert (await extend(buying, order, seen)).json()["extensionsLeft"] == 2


async def test_a_repeated_extension_is_answered_with_the_order_whatever_has_happened_to_it(
    running: RunningService, buying: httpx.AsyncClient, order: dict[str, Any]
) -> None:
    orders: OrderService = running.use_cases
    await extend(buying, order, order["expiresAt"])
    await buying.delete(f"/api/orders/{order['id']}")
    repeated = await extend(buying, order, order["expiresAt"])
    assert (repeated.status_code, repeated.json()["status"]) == (200, "cancelled")
    stranger = running.client(somebody())
    assert refusal(await extend(stranger, order, order["expiresAt"])) == Refusal(403, "not-the-buyer", [None])
    assert not (await orders.get_order(OrderId(order["id"]), by=order["userId"])).is_open


async def test_an_extension_may_say_no_deadline(buying: httpx.AsyncClient, order: dict[str, Any]) -> None:
    assert (await extend(buying, order, None)).json()["extensionsLeft"] == 2


@pytest.mark.parametrize("seen", ["", "soon", "2027-05-01T20:00:00", "2027-02-30T20:00:00Z", 1_800_000_000, True, {}])
async def test_an_invalid_deadline_is_refused(buying: httpx.AsyncClient, order: dict[str, Any], seen: object) -> None:
    assert refusal(await extend(buying, order, seen)) == Refusal(422, "bad-input", ["expiresAt"])
    assert (await buying.get(f"/api/orders/{order['id']}")).json() == order
