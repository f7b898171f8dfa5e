"""How a page connects, what it may learn, and how its connection ends."""

import asyncio
import json

import httpx
import pytest
from storefront.tests.integration.conftest import OpenShop
from storefront.tests.live_page import Shop

from devkit.testing.events import EventStreams
from devkit.testing.eventually import eventually
from devkit.testing.problem_details import assert_problem
from devkit.testing.running import somebody
from devkit.testing.samples import captured_payment, listed_ticket, order_events
from storefront.live.limits import Limits

HOSTILE = ["-1", "9" * 30, "abc", "١٢", "²", "1\x0b", "::", "1.5", "0x1", "", " "]


async def test_a_page_that_connects_again_gets_exactly_the_changes_after_the_last(
    shop: Shop, streams: EventStreams
) -> None:
    tickets = [listed_ticket() for _ in range(4)]
    async with shop.page() as page:
        await streams.publish(*tickets[:2])
        await page.eventually_at(2)
    for ticket in tickets[2:]:
        await streams.publish(ticket)
    await shop.eventually_at(4)
    async with shop.page(since=0, last_event_id="2") as again:
        await again.eventually_at(4)
        assert {data["id"] for data in again.named("ticket")} == {ticket.id for ticket in tickets[2:]}
        assert again.named("reset") == []


@pytest.mark.parametrize("last_event_id", ["1", "999999"], ids=["too old", "of another stream"])
async def test_a_page_whose_position_is_unknown_gets_one_reset(
    open_shop: OpenShop, streams: EventStreams, last_event_id: str
) -> None:
    async with open_shop(Limits(remembered_changes=2)) as shop:
        await shop.eventually_caught_up()
        for position in range(1, 6):
            await streams.publish(listed_ticket())
            await shop.eventually_at(position)
        async with shop.page(last_event_id=last_event_id) as page:
            await page.eventually_reset()
            await page.eventually_at(5)
            assert [event.name for event in page.events] == ["reset"]


@pytest.mark.parametrize("hostile", HOSTILE)
async def test_a_position_that_is_no_number_is_ignored(shop: Shop, streams: EventStreams, hostile: str) -> None:
    for position in (1, 2):
        await streams.publish(listed_ticket())
        await shop.eventually_at(position)
    if hostile.isprintable() and hostile.strip() and hostile.isascii():
        async with shop.page(since=1, last_event_id=hostile) as page:
            await page.eventually_at(2)
            assert len(page.named("ticket")) == 1, "since decides"
    async with shop.page(since=hostile) as page:
        ticket = listed_ticket()
        await streams.publish(ticket)
        await page.eventually_shows(ticket.id, "on-sale")
        assert [event.name for event in page.events] == ["ticket"]


async def test_the_public_stream_names_no_person_and_no_order(shop: Shop, streams: EventStreams) -> None:
    seller, buyer = somebody(), somebody()
    ticket = listed_ticket(seller=seller)
    created, _, completed = order_events(ticket.id, buyer=buyer)
    payment = captured_payment(created.id)
    async with (
        shop.page() as everybody,
        shop.page(headers=shop.signed_in(buyer)) as buying,
        shop.page(headers=shop.signed_in(seller)) as selling,
    ):
        for event in (ticket, created, payment, completed):
            await streams.publish(event)
        for page in (everybody, selling, buying):
            await page.eventually_shows(ticket.id, "sold")
            await page.eventually_at(4)
        for page in (everybody, selling):
            assert page.named("order") == []
            for secret in (seller, buyer, created.id, payment.id, payment.user_id, completed.payment_id):
                assert str(secret) not in page.text
            assert set(page.named("ticket")[-1]) == {
                "id",
                "v",
                "state",
                "price",
                "amount",
                "until",
                "isNew",
                "title",
            }
        assert {data["id"] for data in buying.named("order")} == {created.id}
        assert {data["id"] for data in selling.named("listing")} == {ticket.id}
        assert everybody.named("listing") == buying.named("listing") == []


async def test_a_connection_ends_so_that_the_end_of_a_session_ends_it(open_shop: OpenShop) -> None:
    assert Limits().longest_connection_seconds == 900
    async with open_shop(Limits(longest_connection_seconds=0.2)) as shop, shop.page() as page:
        await page.eventually_ended(within=3)
        assert shop.hub.connections == 0


async def test_a_process_with_too_many_connections_answers_503(open_shop: OpenShop) -> None:
    async with open_shop(Limits(connections=1)) as shop, httpx.AsyncClient(base_url=shop.url) as client:
        async with shop.page():
            answer = await client.get("/live/events")
            assert_problem(answer, 503, "one page too many")
            assert answer.headers["Retry-After"] == "1"

        async def left() -> int:
            return shop.hub.connections

        await eventually(left, until=lambda seen: seen == 0, what="the end of the connection")
        async with shop.page():
            assert shop.hub.connections == 1


async def test_no_program_on_the_way_keeps_changes_back(shop: Shop) -> None:
    """Neither a cache nor nginx nor our own compression may wait for more."""
    async with shop.page(headers={"Accept-Encoding": "gzip"}) as page:
        assert page.headers["Content-Type"].startswith("text/event-stream")
        assert page.headers["Cache-Control"] == "no-store"
        assert page.headers["X-Accel-Buffering"] == "no"
        assert "Content-Encoding" not in page.headers


async def test_head_is_answered_and_ends(shop: Shop) -> None:
    async with httpx.AsyncClient(base_url=shop.url, timeout=3) as client:
        answer = await client.head("/live/events")
        assert (answer.status_code, answer.content) == (200, b"")

    async def left() -> int:
        return shop.hub.connections

    await eventually(left, until=lambda seen: seen == 0, what="the end of the connection")


async def test_a_browser_that_does_not_read_blocks_nobody(shop: Shop, streams: EventStreams) -> None:
    port = int(shop.url.rpartition(":")[2])
    _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1)
    writer.write(b"GET /live/events HTTP/1.1\r\nHost: here\r\n\r\n")
    async with shop.page() as page:
        for ticket in (listed_ticket() for _ in range(20)):
            await streams.publish(ticket)
            await page.eventually_shows(ticket.id, "on-sale")
    writer.close()


async def test_the_data_of_a_change_is_one_line_of_json(shop: Shop, streams: EventStreams) -> None:
    ticket = listed_ticket(title="a\n\nevent: reset\ndata: {}\n\n")
    async with shop.page() as page:
        await streams.publish(ticket)
        await page.eventually_shows(ticket.id, "on-sale")
        assert [event.name for event in page.events] == ["ticket"]
        assert json.dumps(page.events[0].data).count("\n") == 0
