"""An order's timeline, read back from the event stream."""

from datetime import datetime

import httpx

from common.domain.ids import UserId
from common.events.payments import PaymentRefunded
from common.events.tickets import TicketCreated
from common.events.tracing import continue_trace
from devkit.testing.events import EventStreams
from devkit.testing.running import RunningService, somebody
from devkit.testing.samples import captured_payment, passed_deadline
from orders.consumers import CONSUMERS

ALL = [consumer.name for consumer in CONSUMERS]
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


async def test_the_timeline_of_a_completed_order_has_its_events_and_their_causes(
    streams: EventStreams, running: RunningService, buying: httpx.AsyncClient, buyer: UserId, ticket: TicketCreated
) -> None:
    order = (
        await buying.post("/api/orders", json={"ticketId": ticket.id}, headers={"traceparent": TRACEPARENT})
    ).json()
    other = (await running.client(somebody()).post("/api/orders", json={"ticketId": ticket.id})).status_code
    assert other == 409
    payment = captured_payment(order["id"])
    with continue_trace(TRACEPARENT, cause="POST /api/payments"):
        await streams.publish(payment)
    await streams.eventually_quiet(*ALL)
    await streams.eventually_relayed(running.collection("orders"))

    answer = await buying.get(f"/api/orders/{order['id']}/timeline")
    assert answer.status_code == 200
    timeline = answer.json()
    assert timeline["orderId"] == order["id"]
    events = timeline["events"]
    assert [(e["event"], e["subject"], e["version"], e["cause"], e["traceId"]) for e in events] == [
        ("order.created", f"order.created.{order['id']}", 1, "POST /api/orders", TRACE),
        ("payment.created", f"payment.created.{payment.id}", 2, "POST /api/payments", TRACE),
        ("order.completed", f"order.completed.{order['id']}", 2, payment.event_id, TRACE),
    ]
    moments = [datetime.fromisoformat(event["at"]) for event in events]
    assert moments == sorted(moments)
    assert all(moment.tzinfo is not None for moment in moments)
    assert all(set(event) == {"event", "subject", "at", "version", "cause", "traceId", "data"} for event in events)
    assert events[0]["data"] == {
        "id": order["id"],
        "version": 1,
        "status": "created",
        "userId": buyer,
        "expiresAt": order["expiresAt"],
        "ticket": {"id": ticket.id, "title": "Concert", "price": 1999, "version": 1},
        "paymentId": None,
        "extensionsLeft": 3,
        "cancelReason": None,
    }
    assert events[2]["data"] == {**events[0]["data"], "version": 2, "status": "completed", "paymentId": payment.id}


async def test_the_timeline_of_an_expired_order_has_its_deadline_and_no_other_order(
    streams: EventStreams, running: RunningService, buying: httpx.AsyncClient, ticket: TicketCreated
) -> None:
    order = (await buying.post("/api/orders", json={"ticketId": ticket.id})).json()
    deadline = passed_deadline(order["id"], datetime.fromisoformat(order["expiresAt"]))
    await streams.publish(deadline)
    await streams.eventually_quiet(*ALL)
    next_one = await running.client(somebody()).post("/api/orders", json={"ticketId": ticket.id})
    assert next_one.status_code == 201
    await streams.eventually_relayed(running.collection("orders"))

    events = (await buying.get(f"/api/orders/{order['id']}/timeline")).json()["events"]
    assert [(event["event"], event["cause"]) for event in events] == [
        ("order.created", "POST /api/orders"),
        ("expiration.completed", "unknown"),
        ("order.cancelled", deadline.event_id),
    ]


async def test_the_timeline_of_a_cancelled_order_has_the_late_payment_and_its_refund(
    streams: EventStreams, running: RunningService, buying: httpx.AsyncClient, ticket: TicketCreated
) -> None:
    path = f"/api/orders/{(await buying.post('/api/orders', json={'ticketId': ticket.id})).json()['id']}"
    await buying.delete(path)
    await streams.eventually_relayed(running.collection("orders"))
    late = captured_payment(path.rpartition("/")[2])
    await streams.publish(late)
    await streams.eventually_quiet(*ALL)
    refund = PaymentRefunded(**late.model_dump() | {"version": 3, "status": "refunded"})
    await streams.publish(refund)

    events = (await buying.get(f"{path}/timeline")).json()["events"]
    assert [event["event"] for event in events] == [
        "order.created",
        "order.cancelled",
        "payment.created",
        "payment.refunded",
    ]
    assert (await buying.get(path)).json()["version"] == 2
