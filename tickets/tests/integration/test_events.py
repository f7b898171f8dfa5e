"""Every change of a ticket is published once, with its cause and trace in the headers."""

import json
from datetime import datetime

import httpx

from common.domain.ids import UserId
from common.events.tickets import TicketCreated, TicketUpdated
from common.events.tracing import continue_trace
from devkit.testing.events import EventStreams
from devkit.testing.running import RunningService
from devkit.testing.samples import order_events
from tickets.consumers import CONSUMERS

ALL = [consumer.name for consumer in CONSUMERS]
SELLERS_TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
BUYERS_TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "00f067aa0ba902b7"


async def test_every_change_is_one_event_with_its_cause_and_trace(
    streams: EventStreams, running: RunningService, selling: httpx.AsyncClient, seller: UserId
) -> None:
    trace = {"traceparent": f"00-{SELLERS_TRACE}-{SPAN}-01"}
    listed = await selling.post("/api/tickets", json={"title": "Concert", "price": 19.99}, headers=trace)
    assert listed.headers["X-Correlation-Id"] == SELLERS_TRACE
    ticket_id = listed.json()["id"]
    path = f"/api/tickets/{ticket_id}"
    await selling.put(path, json={"title": "Opera", "price": 25}, headers=trace)
    created, cancelled, _ = order_events(ticket_id)
    for event in (created, cancelled):
        with continue_trace(f"00-{BUYERS_TRACE}-{SPAN}-01", cause="POST /api/orders"):
            await streams.publish(event)
        await streams.eventually_quiet(*ALL)
    await streams.eventually_relayed(running.collection("tickets"))

    messages = await streams.envelopes(TicketCreated) + await streams.envelopes(TicketUpdated)
    published = [json.loads(message.data) for message in messages]
    state = {"id": ticket_id, "title": "Opera", "price": 2500, "userId": seller, "orderId": None}
    state |= {"venue": None, "startsAt": None, "place": None}
    assert published == [
        {**state, "version": 1, "title": "Concert", "price": 1999},
        {**state, "version": 2},
        {**state, "version": 3, "orderId": created.id},
        {**state, "version": 4},
    ]
    origins = [
        ("created", "POST /api/tickets", SELLERS_TRACE),
        ("updated", f"PUT {path}", SELLERS_TRACE),
        ("updated", created.event_id, BUYERS_TRACE),
        ("updated", cancelled.event_id, BUYERS_TRACE),
    ]
    for event, message, (fact, cause, trace_id) in zip(published, messages, origins, strict=True):
        headers = dict(message.headers)
        version, trace_seen, span, flags = headers.pop("traceparent").split("-")
        assert (version, trace_seen, flags) == ("00", trace_id, "01")
        assert span != SPAN
        assert datetime.fromisoformat(headers.pop("ce-time")).tzinfo is not None
        assert message.subject == f"ticket.{fact}.{ticket_id}"
        assert headers == {
            "Nats-Msg-Id": f"ticket-{ticket_id}-{event['version']}",
            "ce-specversion": "1.0",
            "ce-id": f"ticket-{ticket_id}-{event['version']}",
            "ce-type": f"ticket.{fact}.v1",
            "ce-source": "/tickets",
            "ce-subject": ticket_id,
            "ce-causationid": cause,
            "content-type": "application/json",
        }


async def test_a_request_without_a_trace_begins_one_that_its_event_continues(
    streams: EventStreams, selling: httpx.AsyncClient
) -> None:
    listed = await selling.post("/api/tickets", json={"title": "Concert", "price": 19.99})
    await streams.eventually_published(TicketCreated)
    (message,) = await streams.envelopes(TicketCreated)
    assert message.headers["traceparent"].split("-")[1] == listed.headers["X-Correlation-Id"]
