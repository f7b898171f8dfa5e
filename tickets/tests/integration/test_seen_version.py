"""The field `version` of a changed listing: a seller does not undo a change that they have not seen."""

import httpx
import pytest

from common.domain.ids import TicketId
from common.events.tickets import TicketUpdated
from devkit.testing.events import EventStreams
from devkit.testing.problem_details import Refusal, refusal
from devkit.testing.samples import order_events
from tickets.consumers import CONSUMERS
from tickets.service import TicketService
from tickets.ticket import Ticket

ALL = [consumer.name for consumer in CONSUMERS]
NEW, OLD = {"title": "Opera", "price": 25}, {"title": "Concert", "price": 18}
"""What the seller has saved in one tab, and what the same seller saves in another tab, which shows the old title."""


async def test_a_change_of_a_listing_that_its_seller_has_not_seen_is_not_undone(
    streams: EventStreams, selling: httpx.AsyncClient, ticket: Ticket
) -> None:
    path = f"/api/tickets/{ticket.id}"
    saved = await selling.put(path, json={**NEW, "version": 1})
    assert (saved.status_code, saved.json()["version"]) == (200, 2)

    refused = await selling.put(path, json={**OLD, "version": 1})

    assert refusal(refused) == Refusal(409, "ticket-changed", ["version"])
    assert refused.json()["detail"] == (
        "The ticket has version 2, not 1, so nothing was changed. Read the ticket again, and send your change with its "
        "present version."
    )
    assert (await selling.get(path)).json() == saved.json()
    repeated = await selling.put(path, json={**OLD, "version": 2})
    assert (repeated.status_code, repeated.json()["version"]) == (200, 3)
    assert len(await streams.eventually_published(TicketUpdated, count=2)) == 2


@pytest.mark.parametrize("version", [{}, {"version": None}, {"version": 1}])
async def test_a_change_may_say_the_version_or_leave_it_out(
    selling: httpx.AsyncClient, ticket: Ticket, version: dict[str, int | None]
) -> None:
    changed = await selling.put(f"/api/tickets/{ticket.id}", json={**NEW, **version})
    assert (changed.status_code, changed.json()["version"]) == (200, 2)


@pytest.mark.parametrize("version", [0, -1, 1.5, "1", True, [1]])
async def test_an_invalid_version_is_refused(selling: httpx.AsyncClient, ticket: Ticket, version: object) -> None:
    refused = await selling.put(f"/api/tickets/{ticket.id}", json={**NEW, "version": version})
    assert refusal(refused) == Refusal(422, "bad-input", ["version"])


async def test_a_new_listing_has_no_version_to_send(selling: httpx.AsyncClient) -> None:
    assert refusal(await selling.post("/api/tickets", json={**NEW, "version": 1})) == Refusal(
        422, "bad-input", ["version"]
    )


async def test_a_held_ticket_is_held_whatever_version_its_seller_has_seen(
    streams: EventStreams, selling: httpx.AsyncClient, tickets: TicketService, ticket: Ticket
) -> None:
    """The hold has changed the version, too, but this is not what the seller must know."""
    await streams.publish(order_events(ticket.id)[0])
    await streams.eventually_quiet(*ALL)
    held = await tickets.get_ticket(TicketId(ticket.id))
    assert held.version == 2
    for version in (1, 2, 3):
        refused = await selling.put(f"/api/tickets/{ticket.id}", json={**NEW, "version": version})
        assert refusal(refused) == Refusal(409, "ticket-held", [None])
