"""Listing tickets, changing listings, and listing what is for sale, over HTTP."""

from typing import Any
from unittest.mock import ANY

import httpx

from common.domain.ids import UserId
from devkit.testing.events import EventStreams
from devkit.testing.samples import order_events
from tickets.consumers import CONSUMERS
from tickets.service import TicketService
from tickets.ticket import Ticket

NO_DETAILS = {"venue": None, "startsAt": None, "place": None}
ALL = [consumer.name for consumer in CONSUMERS]


async def test_a_listed_ticket_can_be_seen_by_anybody(
    selling: httpx.AsyncClient, anybody: httpx.AsyncClient, seller: UserId
) -> None:
    listed = await selling.post("/api/tickets", json={"title": "  Concert ", "price": 19.99})
    assert listed.status_code == 201
    ticket = listed.json()
    assert ticket == {
        "id": ticket["id"],
        "title": "Concert",
        "price": 19.99,
        "userId": seller,
        "orderId": None,
        **NO_DETAILS,
        "version": 1,
    }
    seen = await anybody.get(f"/api/tickets/{ticket['id']}")
    assert (seen.status_code, seen.json()) == (200, ticket)
    on_sale = await anybody.get("/api/tickets")
    assert (on_sale.status_code, on_sale.json()) == (200, {"tickets": [ticket], "nextCursor": None})


async def test_a_seller_can_change_a_listing(
    selling: httpx.AsyncClient, anybody: httpx.AsyncClient, ticket: Ticket, seller: UserId
) -> None:
    changed = await selling.put(f"/api/tickets/{ticket.id}", json={"title": "Opera", "price": 25})
    assert changed.status_code == 200
    assert changed.json() == {
        "id": ticket.id,
        "title": "Opera",
        "price": 25,
        "userId": seller,
        "orderId": None,
        **NO_DETAILS,
        "version": 2,
    }
    assert (await anybody.get(f"/api/tickets/{ticket.id}")).json() == changed.json()


async def test_a_listing_has_details_and_a_change_replaces_them_all(
    selling: httpx.AsyncClient, anybody: httpx.AsyncClient
) -> None:
    listing = {"title": "Concert", "price": "19.90"}
    place = {"section": " Gradinata ", "seat": "7"}
    details = {"venue": " Arena di Verona", "startsAt": "2127-05-01t20:00:00.000+02:00", "place": place}
    listed = await selling.post("/api/tickets", json=listing | details)
    assert listed.status_code == 201
    seen = listed.json()
    assert (seen["price"], seen["venue"], seen["startsAt"]) == (19.9, "Arena di Verona", "2127-05-01T20:00:00+02:00")
    assert seen["place"] == {"section": "Gradinata", "row": None, "seat": "7"}
    path = f"/api/tickets/{seen['id']}"
    assert (await anybody.get(path)).json() == seen
    without: tuple[dict[str, Any], ...] = ({}, NO_DETAILS, {"place": {}}, {"place": {"row": None}})
    for less in without:
        assert (await selling.put(path, json=listing | details)).json() == {**seen, "version": ANY}
        assert (await selling.put(path, json=listing | less)).json() == {**seen, **NO_DETAILS, "version": ANY}


async def test_a_price_comes_back_as_the_text_that_was_sent(
    selling: httpx.AsyncClient, anybody: httpx.AsyncClient
) -> None:
    for text in ("19.99", "0.01", "0.07", "1.1", "20", "70.35", "999999.99"):
        listed = await selling.post(
            "/api/tickets",
            content=f'{{"title": "Concert", "price": {text}}}',
            headers={"Content-Type": "application/json"},
        )
        assert f'"price":{text},' in listed.text
        assert f'"price":{text},' in (await anybody.get(f"/api/tickets/{listed.json()['id']}")).text


async def test_tickets_for_sale_are_paged_newest_first_without_gaps(
    streams: EventStreams, tickets: TicketService, anybody: httpx.AsyncClient, seller: UserId
) -> None:
    listed = [(await tickets.list_ticket(seller=seller, title=f"Seat {n}", price=100)).id for n in range(25)]
    held, sold = listed[3], listed[17]
    await streams.publish(order_events(held)[0], order_events(sold)[2])
    await streams.eventually_quiet(*ALL)
    newest_first = [ticket_id for ticket_id in reversed(listed) if ticket_id not in (held, sold)]

    for limit, sizes in ((10, [10, 10, 3]), (23, [23]), (22, [22, 1]), (1, [1] * 23)):
        pages: list[list[str]] = []
        cursor: dict[str, str] | None = {}
        while cursor is not None:
            answer = (await anybody.get("/api/tickets", params={"limit": str(limit)} | cursor)).json()
            pages.append([ticket["id"] for ticket in answer["tickets"]])
            cursor = {"cursor": answer["nextCursor"]} if answer["nextCursor"] else None
        assert [len(page) for page in pages] == sizes
        assert [ticket_id for page in pages for ticket_id in page] == newest_first


async def test_a_ticket_listed_between_two_pages_does_not_shift_the_second(
    tickets: TicketService, anybody: httpx.AsyncClient, seller: UserId
) -> None:
    listed = [(await tickets.list_ticket(seller=seller, title=f"Seat {n}", price=100)).id for n in range(4)]
    first = (await anybody.get("/api/tickets", params={"limit": 2})).json()
    await tickets.list_ticket(seller=seller, title="Newer", price=100)
    second = (await anybody.get("/api/tickets", params={"limit": 2, "cursor": first["nextCursor"]})).json()
    assert [ticket["id"] for ticket in first["tickets"] + second["tickets"]] == listed[::-1]
    assert second["nextCursor"] is None


async def test_a_page_has_20_tickets_by_default(
    tickets: TicketService, anybody: httpx.AsyncClient, seller: UserId
) -> None:
    assert (await anybody.get("/api/tickets")).json() == {"tickets": [], "nextCursor": None}
    for n in range(21):
        await tickets.list_ticket(seller=seller, title=f"Seat {n}", price=100)
    assert len((await anybody.get("/api/tickets")).json()["tickets"]) == 20
