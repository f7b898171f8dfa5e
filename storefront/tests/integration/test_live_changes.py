"""Every open page learns of every change, and no page stays wrong."""

import asyncio
import time
from datetime import timedelta

import pytest
from storefront.tests.integration.conftest import Copies, OpenShop
from storefront.tests.live_page import Shop

from common.domain.clock import utc_now
from common.events.tickets import Place
from common.messaging.streams import DOMAIN_EVENTS
from devkit.servers.nats_server import NatsServer
from devkit.testing.events import EventStreams
from devkit.testing.running import somebody
from devkit.testing.samples import changed_ticket, listed_ticket, order_events
from marketplace.provisioning import provision_everything
from storefront.live.limits import Limits


async def test_every_page_on_every_instance_learns_of_a_change(open_shop: OpenShop, streams: EventStreams) -> None:
    """The durable consumer gives each event to one instance only."""
    async with open_shop() as one, open_shop() as two, one.page() as first, two.page() as second:
        for ticket in (listed_ticket() for _ in range(10)):
            await streams.publish(ticket)
            await asyncio.gather(*(page.eventually_shows(ticket.id, "on-sale") for page in (first, second)))


async def test_a_page_learns_of_a_change_within_100_ms(shop: Shop, streams: EventStreams) -> None:
    took = []
    async with shop.page() as page:
        for ticket in (listed_ticket() for _ in range(11)):
            await streams.publish(ticket)
            began = time.monotonic()
            await page.eventually_shows(ticket.id, "on-sale")
            took.append(time.monotonic() - began)
    assert sorted(took)[5] < 0.1, took


async def test_a_change_is_as_current_as_a_page(shop: Shop, streams: EventStreams) -> None:
    ticket = listed_ticket()
    created, cancelled, _ = order_events(ticket.id)
    async with shop.page() as page:
        for event, state in ((ticket, "on-sale"), (created, "held"), (cancelled, "on-sale")):
            await streams.publish(event)
            await page.eventually_shows(ticket.id, state)
    assert [data["isNew"] for data in page.named("ticket")] == [True, False, False], "an order lists no ticket"


async def test_a_change_has_all_that_a_page_shows_of_a_ticket_and_nobodys_id(shop: Shop, streams: EventStreams) -> None:
    """Also a time that this version cannot read: then people read it as it is."""
    seller = somebody()
    ticket = listed_ticket(title="Front row", starts_at="2099-05-01T20:00:00+02:00", seller=seller)
    facts = {"venue": "Garage", "place": Place(row="Z", seat="9"), "starts_at": "in May"}
    async with shop.page() as page:
        await streams.publish(ticket)
        await page.eventually_shows(ticket.id, "on-sale")
        await streams.publish(changed_ticket(ticket, 2, title="Back row").model_copy(update=facts))
        await shop.eventually_at(2)
        await page.eventually_at(2)
    first, second = page.named("ticket")
    assert (first["title"], first["when"]) == ("Front row", "Fri 1 May 2099, 20:00 UTC+2")
    assert first.keys().isdisjoint({"venue", "place"}), "what is not known needs no bytes"
    assert {name: second[name] for name in ("title", "venue", "when")} == {
        "title": "Back row",
        "venue": "Garage",
        "when": "in May",
    }
    assert second["place"] == [["Row", "Z"], ["Seat", "9"]]
    assert seller not in page.text


async def test_a_page_learns_that_an_event_has_begun_although_nothing_is_published(
    shop: Shop, streams: EventStreams
) -> None:
    begins = utc_now().replace(microsecond=0) + timedelta(seconds=2)
    ticket, other = listed_ticket(starts_at=begins.isoformat()), listed_ticket(starts_at="2099-01-01T20:00:00Z")
    await streams.publish(ticket, other)
    async with shop.page() as page:
        await page.eventually_shows(ticket.id, "on-sale")
        await page.eventually_shows(ticket.id, "over", within=4)
        assert utc_now() - begins < timedelta(seconds=1)
        assert page.states_of(other.id) == ["on-sale"]


async def test_a_page_gets_changes_made_between_its_rendering_and_its_connection(
    shop: Shop, streams: EventStreams
) -> None:
    before, after = listed_ticket(), listed_ticket()
    await streams.publish(before)
    await shop.eventually_at(1)
    rendered_at = shop.hub.position
    await streams.publish(after)
    await shop.eventually_at(2)
    async with shop.page(since=rendered_at) as page:
        await page.eventually_shows(after.id, "on-sale")
        assert page.states_of(before.id) == [], "the page was rendered with it"
        assert page.named("reset") == []


async def test_the_position_promises_only_what_the_copies_contain(
    shop: Shop, streams: EventStreams, ticket_copies: Copies
) -> None:
    """Otherwise a page would be rendered without a change, and would not get it afterwards either."""
    seen = listed_ticket()
    await streams.publish(seen)
    await shop.eventually_at(1)
    async with shop.page() as page:
        ticket_copies.hold()
        missing = listed_ticket()
        await streams.publish(missing, order_events(seen.id)[0])
        await page.eventually_shows(seen.id, "held")
        assert shop.hub.position == 1, "the copies lack the event at position 2"
        async with shop.page(since=shop.hub.position) as later:
            await later.eventually_shows(seen.id, "held")
            ticket_copies.release()
            await later.eventually_shows(missing.id, "on-sale", within=3)
        await shop.eventually_at(3)


async def test_a_page_rendered_during_a_catch_up_loads_its_content_again_after_it(
    open_shop: OpenShop, streams: EventStreams, ticket_copies: Copies
) -> None:
    """The copies lack events from before the start of the process."""
    ticket_copies.hold()
    await streams.publish(*(listed_ticket() for _ in range(3)))
    async with open_shop(Limits(keep_alive_seconds=0.5)) as starting, starting.page(since=0) as page:
        await page.eventually_alive()
        assert starting.hub.position == 0
        assert page.named("reset") == [], "it would only load old content again"
        ticket_copies.release()
        await page.eventually_reset()
        await starting.eventually_at(3)
        assert await starting.running.collection("tickets").count_documents({}) == 3  # type: ignore[union-attr]


async def test_too_many_waiting_events_lead_to_one_reset_when_the_copies_have_them(
    open_shop: OpenShop, streams: EventStreams, ticket_copies: Copies
) -> None:
    async with open_shop(Limits(waiting_events=5)) as shop, shop.page() as page:
        ticket_copies.hold()
        await streams.publish(*(listed_ticket() for _ in range(8)))
        ticket_copies.release()
        await page.eventually_reset()
        await shop.eventually_at(8)
        assert len(page.named("reset")) == 1


async def test_a_replaced_stream_leads_to_a_reset_and_new_changes_arrive(
    shop: Shop, streams: EventStreams, nats_server: NatsServer
) -> None:
    """Also if the new stream is already longer than the old one."""
    await streams.publish(listed_ticket(), listed_ticket())
    await shop.eventually_at(2)
    async with shop.page(since=2) as page:
        await streams.broker.jetstream.delete_stream(DOMAIN_EVENTS.name)
        await provision_everything(nats_server.url)
        await streams.publish(*(listed_ticket() for _ in range(4)))
        await page.eventually_reset()
        ticket = listed_ticket()
        await streams.publish(ticket)
        await page.eventually_shows(ticket.id, "on-sale", within=3)
        await page.eventually_at(5)


@pytest.mark.parametrize("unreadable", [2**70], ids=["a price that MongoDB cannot store"])
async def test_an_event_that_the_copies_never_get_is_given_up(
    open_shop: OpenShop, streams: EventStreams, unreadable: int
) -> None:
    async with open_shop(Limits(give_up_seconds=0.3)) as shop, shop.page() as page:
        first = listed_ticket()
        await streams.publish(first)
        await shop.eventually_at(1)
        await streams.publish(changed_ticket(first, 2, price=unreadable))
        ticket = listed_ticket()
        await streams.publish(ticket)
        await page.eventually_shows(ticket.id, "on-sale")
        assert shop.hub.position == 1
        await shop.eventually_at(3)
        assert len(await streams.dead_letters()) == 1
        assert page.named("reset") == []
