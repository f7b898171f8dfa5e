"""Reads the timeline of an aggregate. The timeline of an order also has the events of its payments."""

from typing import Any

from common.messaging.timeline import TimelineEvent, TimelineReader
from marketplace.operations.operator import Operator


async def read_timeline(operator: Operator, aggregate_id: str) -> list[TimelineEvent]:
    """Return the events of the order, ticket, payment or user with this id, oldest first.

    If it is an order, also return the events of its payments. If a stream contains more than 200 events of an order,
    ticket, payment or user, return only the first 200 of these events.
    """
    payments = operator.databases["payments"]["payments"]
    its_payments = await payments.find({"order_id": aggregate_id}, {"_id": 1}).to_list(None)
    reader = TimelineReader(operator.broker)
    return await reader.read([aggregate_id, *(payment["_id"] for payment in its_payments)])


def as_json(event: TimelineEvent) -> dict[str, Any]:
    return {
        "at": event.at.isoformat(),
        "event": event.event,
        "aggregateId": event.aggregate_id,
        "version": event.version,
        "cause": event.cause,
        "traceId": event.trace_id,
        "subject": event.subject,
        "data": event.data,
    }
