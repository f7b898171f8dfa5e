"""Every change of an order is published once, with its cause and trace in the headers."""

import json
from datetime import datetime

import httpx

from common.domain.ids import UserId
from common.events.orders import OrderCancelled, OrderCompleted, OrderCreated
from common.events.tickets import TicketCreated
from common.events.tracing import continue_trace
from devkit.testing.events import EventStreams
from devkit.testing.running import RunningService, somebody
from devkit.testing.samples import captured_payment
from orders.consumers import CONSUMERS

ALL = [consumer.name for consumer in CONSUMERS]
BUYERS_TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CARDS_TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "00f067aa0ba902b7"


async def test_every_change_is_one_event_with_its_cause_and_trace(
    streams: EventStreams, running: RunningService, buying: httpx.AsyncClient, buyer: UserId, ticket: TicketCreated
) -> None:
    trace = {"traceparent": f"00-{BUYERS_TRACE}-{SPAN}-01"}
    wanted = {"ticketId": ticket.id}
    given_up = (await buying.post("/api/orders", json=wanted, headers=trace)).json()
    path = f"/api/orders/{given_up['id']}"
    await buying.delete(path, headers=trace)
    paid = (await buying.post("/api/orders", json=wanted, headers=trace)).json()
    refused = await running.client(somebody()).post(
        "/api/orders", json=wanted
    )  # it changes nothing, so it must publish nothing
    assert refused.status_code == 409
    payment = captured_payment(paid["id"])
    with continue_trace(f"00-{CARDS_TRACE}-{SPAN}-01", cause="POST /api/payments"):
        await streams.publish(payment)
    await streams.eventually_quiet(*ALL)
    await streams.eventually_relayed(running.collection("orders"))

    messages = [m for event in (OrderCreated, OrderCancelled, OrderCompleted) for m in await streams.envelopes(event)]
    state = {
        "userId": buyer,
        "status": "created",
        "ticket": {"id": ticket.id, "title": "Concert", "price": 1999, "version": 1},
        "paymentId": None,
        "extensionsLeft": 3,
        "cancelReason": None,
        "version": 1,
    }
    first = {**state, "id": given_up["id"], "expiresAt": given_up["expiresAt"]}
    second = {**state, "id": paid["id"], "expiresAt": paid["expiresAt"]}
    published = [json.loads(message.data) for message in messages]
    assert published == [
        first,
        second,
        {**first, "status": "cancelled", "cancelReason": "buyer", "version": 2},
        {**second, "status": "completed", "version": 2, "paymentId": payment.id},
    ]
    origins = [
        ("created", "POST /api/orders", BUYERS_TRACE),
        ("created", "POST /api/orders", BUYERS_TRACE),
        ("cancelled", f"DELETE {path}", BUYERS_TRACE),
        ("completed", payment.event_id, CARDS_TRACE),
    ]
    for event, message, (fact, cause, trace_id) in zip(published, messages, origins, strict=True):
        headers = dict(message.headers)
        version, trace_seen, span, flags = headers.pop("traceparent").split("-")
        assert (version, trace_seen, flags) == ("00", trace_id, "01")
        assert span != SPAN
        assert datetime.fromisoformat(headers.pop("ce-time")).tzinfo is not None
        assert message.subject == f"order.{fact}.{event['id']}"
        assert headers == {
            "Nats-Msg-Id": f"order-{event['id']}-{event['version']}",
            "ce-specversion": "1.0",
            "ce-id": f"order-{event['id']}-{event['version']}",
            "ce-type": f"order.{fact}.v1",
            "ce-source": "/orders",
            "ce-subject": event["id"],
            "ce-causationid": cause,
            "content-type": "application/json",
        }
