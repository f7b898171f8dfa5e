"""What orders refuses over HTTP: the status, the type and the field of the answer."""

import httpx

from common.domain.ids import OrderId, PaymentId, TicketId, UserId, new_id
from common.events.tickets import TicketCreated
from devkit.testing.problem_details import Refusal, refusal
from devkit.testing.running import RunningService, somebody
from devkit.testing.samples import listed_ticket
from orders.service import OrderService

JSON = {"Content-Type": "application/json"}
NO_IDS = ("1", "not-an-id", "65F0C0FFEE00000000000001", "65f0c0ffee0000000000000g", "65f0c0ffee000000000000010")
NO_WINDOWS = ("0", "-1", "1.5", "3.0", "901", "1e309", "NaN", "1" + "0" * 30, '"3"', "true", "[3]", "{}")


def about(order_id: str) -> tuple[tuple[str, str], ...]:
    """All requests about one order."""
    one = f"/api/orders/{order_id}"
    return ("GET", one), ("DELETE", one), ("POST", f"{one}/extension"), ("GET", f"{one}/timeline")


async def test_orders_require_a_signed_in_user(running: RunningService, ticket: TicketCreated) -> None:
    anybody = running.client()
    for method, path in (("GET", "/api/orders"), *about(new_id())):
        assert refusal(await anybody.request(method, path)) == Refusal(401, "not-signed-in", [None])
    placed = await anybody.post("/api/orders", json={"ticketId": ticket.id})
    assert refusal(placed) == Refusal(401, "not-signed-in", [None])


async def test_only_its_buyer_can_see_or_cancel_an_order(
    running: RunningService, orders: OrderService, buyer: UserId, ticket: TicketCreated
) -> None:
    order = await orders.place_order(TicketId(ticket.id), buyer=buyer)
    for stranger in (running.client(somebody()), running.client(ticket.user_id)):
        for method, path in about(order.id):
            assert refusal(await stranger.request(method, path)) == Refusal(403, "not-the-buyer", [None])
        assert (await stranger.get("/api/orders")).json()["orders"] == []
    assert (await orders.get_order(OrderId(order.id), by=buyer)).version == 1


async def test_a_seller_cannot_order_their_own_ticket(
    running: RunningService, orders: OrderService, ticket: TicketCreated
) -> None:
    response = await running.client(ticket.user_id).post("/api/orders", json={"ticketId": ticket.id})
    assert refusal(response) == Refusal(403, "own-ticket", [None])
    assert await orders._orders.collection.count_documents({}) == 0


async def test_a_ticket_whose_event_has_begun_cannot_be_ordered(
    buying: httpx.AsyncClient, orders: OrderService
) -> None:
    ticket = listed_ticket(starts_at="2026-05-01T20:00:00+02:00")
    await orders.follow_ticket(ticket)
    response = await buying.post("/api/orders", json={"ticketId": ticket.id})
    assert refusal(response) == Refusal(409, "event-over", [None])
    assert await orders._orders.collection.count_documents({}) == 0


async def test_unknown_orders_and_tickets_are_not_found(buying: httpx.AsyncClient) -> None:
    for method, path in about(new_id()):
        assert refusal(await buying.request(method, path)) == Refusal(404, "not-found", [None])
    response = await buying.post("/api/orders", json={"ticketId": new_id()})
    assert refusal(response) == Refusal(404, "not-found", ["ticketId"])


async def test_a_held_or_sold_ticket_cannot_be_ordered(
    buying: httpx.AsyncClient, orders: OrderService, ticket: TicketCreated
) -> None:
    not_available = Refusal(409, "ticket-not-available", [None])
    holder = await orders.place_order(TicketId(ticket.id), buyer=somebody())
    assert refusal(await buying.post("/api/orders", json={"ticketId": ticket.id})) == not_available
    await orders.complete_order(OrderId(holder.id), PaymentId(new_id()))
    assert refusal(await buying.post("/api/orders", json={"ticketId": ticket.id})) == not_available


async def test_who_holds_or_has_bought_a_ticket_is_told_which_order_of_theirs_it_is(
    buying: httpx.AsyncClient, orders: OrderService, buyer: UserId, ticket: TicketCreated
) -> None:
    """Also somebody whose order was placed although its answer was lost."""
    own = await orders.place_order(TicketId(ticket.id), buyer=buyer)
    held = await buying.post("/api/orders", json={"ticketId": ticket.id})
    await orders.complete_order(OrderId(own.id), PaymentId(new_id()))
    bought = await buying.post("/api/orders", json={"ticketId": ticket.id})
    for refused in (held, bought):
        assert refusal(refused) == Refusal(409, "already-ordered", [None])
        assert refused.json()["detail"] == f"You have ordered this ticket already. Your order is {own.id}."


async def test_a_completed_order_cannot_be_cancelled_but_a_cancelled_one_again(
    running: RunningService, buying: httpx.AsyncClient, orders: OrderService, buyer: UserId, ticket: TicketCreated
) -> None:
    not_open = Refusal(409, "order-not-open", [None])
    cancelled = await orders.place_order(TicketId(ticket.id), buyer=buyer)
    for _ in range(2):
        assert (await buying.delete(f"/api/orders/{cancelled.id}")).status_code == 204
    stranger = await running.client(somebody()).delete(f"/api/orders/{cancelled.id}")
    assert refusal(stranger) == Refusal(403, "not-the-buyer", [None])
    assert (await orders.get_order(OrderId(cancelled.id), by=buyer)).version == 2

    completed = await orders.place_order(TicketId(ticket.id), buyer=buyer)
    await orders.complete_order(OrderId(completed.id), PaymentId(new_id()))
    assert refusal(await buying.delete(f"/api/orders/{completed.id}")) == not_open
    statuses = {order["id"]: order["status"] for order in (await buying.get("/api/orders")).json()["orders"]}
    assert statuses == {cancelled.id: "cancelled", completed.id: "completed"}


async def test_an_invalid_order_is_refused_with_its_field_and_holds_no_ticket(
    buying: httpx.AsyncClient, orders: OrderService
) -> None:
    ticket = listed_ticket()
    await orders.follow_ticket(ticket)
    known = f'"ticketId": "{ticket.id}"'
    bodies: dict[str, list[str | None]] = {
        **{f'{{"ticketId": "{no_id}"}}': ["ticketId"] for no_id in (*NO_IDS, "")},
        **{f'{{"ticketId": {text}}}': ["ticketId"] for text in ("null", "1", "true", f'["{ticket.id}"]', "{}")},
        f'{{"ticketId": "{ticket.id}\\n"}}': ["ticketId"],
        **{f'{{{known}, "windowSeconds": {text}}}': ["windowSeconds"] for text in NO_WINDOWS},
        f'{{{known}, "userId": "{new_id()}"}}': ["userId"],
        f'{{{known}, "window_seconds": 3}}': ["window_seconds"],
        f'{{"ticket_id": "{ticket.id}"}}': ["ticketId", "ticket_id"],
        "{}": ["ticketId"],
        "[]": [None],
        "null": [None],
        f'"{ticket.id}"': [None],
        "{" + known: [None],
        "": [None],
    }
    wanted = {body: Refusal(422, "bad-input", fields) for body, fields in bodies.items()}
    got = {body: refusal(await buying.post("/api/orders", content=body, headers=JSON)) for body in bodies}
    assert got == wanted
    assert await orders._orders.collection.count_documents({}) == 0


async def test_a_malformed_id_is_refused(buying: httpx.AsyncClient) -> None:
    for no_id in (*NO_IDS, "%00", "65f0c0ffee00000000000001%0a"):
        for method, path in about(no_id):
            assert refusal(await buying.request(method, path)) == Refusal(422, "bad-input", ["orderId"])


async def test_an_invalid_query_is_refused(buying: httpx.AsyncClient) -> None:
    refused = {
        "?limit=0": "limit",
        "?limit=101": "limit",
        "?limit=ten": "limit",
        "?cursor=1": "cursor",
        "?cursor=65f0c0ffee00000000000001%0a": "cursor",
        "?userId=65f0c0ffee00000000000001": "userId",
        f"/{new_id()}?limit=1": "limit",
        f"/{new_id()}/timeline?limit=1": "limit",
    }
    got = {query: refusal(await buying.get(f"/api/orders{query}")) for query in refused}
    assert got == {query: Refusal(422, "bad-input", [field]) for query, field in refused.items()}
    response = await buying.post("/api/orders?window=3", json={"ticketId": new_id()})
    assert refusal(response) == Refusal(422, "bad-input", ["window"])
