"""Says in sentences what happened to an order. The events come from the event stream."""

from dataclasses import dataclass
from datetime import datetime

from common.messaging.timeline import TimelineEvent

_SENTENCES = {
    "order.created": "You ordered the ticket. It was held for you.",
    "order.extended": "You asked for more time.",
    "order.completed": "The order was completed. The ticket is yours.",
    "payment.created": "You paid. Your card was charged.",
    "payment.refunded": "Your payment was refunded.",
}
_CANCELLED = {
    "buyer": "You gave the order up.",
    "expired": "The time to pay was over. The ticket went back on sale.",
    "withdrawn": "The seller withdrew the ticket.",
}


@dataclass(frozen=True)
class Step:
    event: str
    sentence: str
    at: datetime


def step_of(event: TimelineEvent) -> Step:
    return Step(event.event, _sentence(event), event.at)


def _sentence(event: TimelineEvent) -> str:
    if event.event == "order.cancelled":
        return cancelled_sentence(event.data.get("cancelReason"))
    return _SENTENCES.get(event.event, "The order changed.")


def cancelled_sentence(reason: object) -> str:
    """Say why an order was cancelled. Events of older versions do not contain the reason."""
    return _CANCELLED.get(str(reason), "The order was cancelled.")
