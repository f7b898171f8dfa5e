"""What a browser gets that reads slowly, connects again, or loses its connection in the middle."""

import asyncio
from collections.abc import AsyncIterator

from storefront.live.changes import Change, encode
from storefront.live.connection import Connection
from storefront.live.hub import Hub
from storefront.live.limits import Limits


def change(ticket: int, version: int) -> Change:
    return Change(f"ticket {ticket}", encode("ticket", id=ticket, v=version))


def caught_up(limits: Limits | None = None) -> Hub:
    hub = Hub(limits or Limits())
    hub.begin(0)
    hub.end_catch_up(0)
    return hub


async def parts_of(connection: Connection) -> AsyncIterator[bytes]:
    parts = connection.read()
    await anext(parts)  # the greeting
    async for part in parts:
        yield part


async def test_a_slow_browser_gets_the_newest_state_of_each_ticket_only_once() -> None:
    hub = caught_up()
    connection = hub.connect(None, since=0)
    for position in range(1, 101):
        hub.send(position, position, [change(position % 2, position)])
    part = await anext(parts_of(connection))
    assert part == change(1, 99).encoded + change(0, 100).encoded + b"id: 100\n\n"


async def test_a_page_gets_a_change_without_an_event_although_it_was_read_at_the_newest_position() -> None:
    hub = caught_up()
    hub.send(7, 7, [change(1, 7)])
    hub.send_without_event([change(2, 7)])
    connection = hub.connect(None, since=7)
    assert await anext(parts_of(connection)) == change(2, 7).encoded + b"id: 7\n\n"


async def test_a_browser_that_is_too_slow_gets_one_reset_and_uses_little_memory() -> None:
    hub = caught_up(Limits(waiting_changes=10))
    connection = hub.connect(None, since=0)
    for position in range(1, 1001):
        hub.send(position, position, [change(position, position)])
        assert len(connection._waiting) <= 10
    part = await anext(parts_of(connection))
    assert part.count(b"event: reset") == 1
    assert part.count(b"event: ticket") <= 10
    assert part.startswith(encode("reset"))


async def test_only_the_end_of_a_part_has_the_position() -> None:
    """A browser that receives the first half of a part must get the second half when it connects again."""
    hub = caught_up()
    connection = hub.connect(None, since=0)
    hub.send(7, 7, [change(ticket, 7) for ticket in range(3)])
    part = await anext(parts_of(connection))
    assert part.count(b"id: ") == 1
    assert part.endswith(b"\n\nid: 7\n\n")


async def test_a_position_never_goes_back() -> None:
    hub = caught_up()
    hub.send(9, 9, [])
    hub.send(12, 8, [])
    assert hub.position == 9


async def test_remembered_changes_are_bounded() -> None:
    hub = caught_up(Limits(remembered_changes=5))
    for position in range(1, 101):
        hub.send(position, position, [change(position, position)])
    assert len(hub._remembered) == 5
    part = await anext(parts_of(hub.connect(None, since=95)))
    assert part.count(b"event: ticket") == 5
    part = await anext(parts_of(hub.connect(None, since=94)))
    assert part == encode("reset") + b"id: 100\n\n"


async def test_pages_that_know_everything_are_not_reset_after_a_catch_up() -> None:
    """Otherwise all pages would be loaded again whenever a process starts."""
    hub = Hub(Limits(keep_alive_seconds=0.01))
    hub.begin(100)
    current, old = hub.connect(None, since=100), hub.connect(None, since=99)
    hub.end_catch_up(100)
    assert await anext(parts_of(old)) == encode("reset") + b"id: 100\n\n"
    assert await anext(parts_of(current)) == b": keep-alive\nid: 100\n\n"


async def test_closed_connections_end_and_no_new_ones_begin() -> None:
    hub = caught_up()
    connection = hub.connect(None, since=0)
    reading = asyncio.create_task(_all(connection))
    await asyncio.sleep(0)
    hub.close()
    assert await asyncio.wait_for(reading, 1) == []


async def _all(connection: Connection) -> list[bytes]:
    return [part async for part in parts_of(connection)]
