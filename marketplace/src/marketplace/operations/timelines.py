"""Every event of an aggregate, and of the payments of an order, in order."""

from typing import Any

from common.messaging.timeline import TimelineEvent, TimelineReader
from marketplace.operations.operator import Operator


async def read_timeline(operator: Operator, aggregate_id: str) -> list[TimelineEvent]:
    """Of an order, a ticket, a payment or a user, oldest first. An order's payments belong to its timeline."""
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
