"""What those who look at the page /live receive: no person, all numbers, and not more events than they can read."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from common.domain.clock import utc_now
from common.domain.errors import DependencyUnavailable
from common.domain.event import Event
from common.domain.ids import OrderId, PaymentId
from common.events.catalog import EXAMPLES
from common.events.payments import PaymentCreated
from common.messaging.streams import DOMAIN_EVENTS, stream_of
from common.messaging.timeline import TimelineEvent
from devkit.testing.samples import listed_ticket, order_events
from storefront.platform.audience import MAX_VIEWERS, Audience
from storefront.platform.history import history_step

_READ = [each for each in EXAMPLES if isinstance(each, Event) and stream_of(type(each)) == DOMAIN_EVENTS]
_PEOPLE = {"65f0c0ffee00000000000001", "65f0c0ffee00000000000002"}  # the seller and the buyer of the examples


@pytest.mark.parametrize("event", _READ, ids=lambda event: event.type_name())
async def test_an_event_is_shown_without_anything_about_a_person(event: Event) -> None:
    audience = Audience()
    viewer = audience.enter()
    audience.note(event, utc_now())
    text = await _next(viewer.read())
    assert event.type_name() in text
    assert [secret for secret in (*_PEOPLE, "@") if secret in text] == []


@pytest.mark.parametrize("event", _READ, ids=lambda event: event.type_name())
def test_the_history_of_an_aggregate_names_no_person(event: Event) -> None:
    data = json.loads(event.to_json())
    step = history_step(
        TimelineEvent(event.type_name(), event.subject, utc_now(), event.version, "request", None, data), {}
    )
    assert [person for person in _PEOPLE if person in repr(step)] == []


async def test_an_event_is_shown_with_the_title_of_its_ticket() -> None:
    audience = Audience()
    ticket = listed_ticket()
    created, cancelled, _ = order_events(ticket.id)
    paid, unknown = (
        PaymentCreated(
            id=PaymentId(payment), version=1, order_id=OrderId(order), user_id=created.user_id, amount=1, status=""
        )
        for payment, order in (
            ("65f0c0ffee00000000000030", created.id),
            ("65f0c0ffee00000000000031", "65f0c0ffee000000000000ff"),
        )
    )
    audience.remember((event, utc_now()) for event in (ticket, created, paid))
    for event in (cancelled, unknown):
        audience.note(event, utc_now())
    shown = _data(await _next(audience.enter().read()), "past")["events"]
    assert [event[4] for event in shown] == [ticket.title, *[created.ticket.title] * 3, ""]


async def test_a_slow_viewer_gets_the_newest_events_and_the_number_of_all() -> None:
    audience = Audience()
    viewer = audience.enter()
    tickets = [listed_ticket() for _ in range(1000)]
    for ticket in tickets:
        audience.note(ticket, utc_now())
    shown = _data(await _next(viewer.read()), "events")
    assert shown["counts"] == {"ticket.created": 1000}
    assert [event[1] for event in shown["events"]] == [ticket.id for ticket in tickets[-40:]]


async def test_a_new_viewer_first_gets_the_newest_past_events_but_does_not_count_them() -> None:
    audience = Audience()
    ticket = listed_ticket()
    audience.note(ticket, utc_now())
    text = await _next(audience.enter().read())
    assert [event[:3] for event in _data(text, "past")["events"]] == [["ticket.created", ticket.id, 1]]
    assert "event: events" not in text


async def test_events_from_before_the_start_come_first_and_only_once() -> None:
    audience = Audience()
    old, both, new = (listed_ticket() for _ in range(3))
    early = audience.enter()
    for ticket in (both, new):
        audience.note(ticket, utc_now())
    audience.remember([(old, utc_now()), (both, utc_now())])
    for viewer in (early, audience.enter()):
        shown = _data(await _next(viewer.read()), "past")["events"]
        assert [event[1] for event in shown] == [old.id, both.id, new.id]


async def test_only_the_newest_numbers_wait_for_a_viewer() -> None:
    audience = Audience()
    viewer = audience.enter()
    for messages in range(5):
        audience.show({"consumers": {}, "deadLetters": {"orders-x": messages}})
    text = await _next(viewer.read())
    assert text.count("event: figures") == 1
    assert _data(text, "figures")["deadLetters"] == {"orders-x": 4}


async def test_nobody_asks_nats_for_numbers_when_the_last_viewer_has_left() -> None:
    audience = Audience()
    looking = asyncio.create_task(audience.until_somebody_looks())
    await asyncio.sleep(0)
    assert not looking.done()
    one, other = audience.enter(), audience.enter()
    await looking
    audience.leave(one)
    await audience.until_somebody_looks()
    audience.leave(other)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await audience.until_somebody_looks()


async def test_there_is_a_limit_of_viewers() -> None:
    audience = Audience()
    viewers = [audience.enter() for _ in range(MAX_VIEWERS)]
    with pytest.raises(DependencyUnavailable, match="Too many people"):
        audience.enter()
    audience.leave(viewers[0])
    audience.enter()


async def test_the_answers_end_when_the_process_stops() -> None:
    audience = Audience()
    parts = audience.enter().read()
    await anext(parts)
    audience.close()
    assert [part async for part in parts] == []
    with pytest.raises(DependencyUnavailable):
        audience.enter()


async def _next(parts: AsyncIterator[bytes]) -> str:
    """Return the first part of the answer that contains data."""
    await anext(parts)
    return (await anext(parts)).decode()


def _data(text: str, name: str) -> dict[str, Any]:
    (block,) = [block for block in text.split("\n\n") if block.startswith(f"event: {name}\n")]
    found: dict[str, Any] = json.loads(block.partition("\ndata: ")[2])
    return found
