"""Says in sentences what happened to an order. The events come from the event stream."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from common.domain.ids import made_at
from common.messaging.timeline import TimelineEvent
from storefront.formats import money

_SENTENCES = {
    "order.created": "You ordered the ticket.",
    "order.extended": "You got more time, until",
    "order.completed": "The order was completed. The ticket is yours.",
    "payment.created": "You paid {amount}.",
    "payment.refunded": "Your payment of {amount} was refunded.",
}
_PAID_TOO_LATE = "Your card was charged, but the order had ended already."
_CANCELLED = {
    "buyer": "You gave the order up.",
    "expired": "The time to pay was over, so the order was cancelled.",
    "withdrawn": "The seller withdrew the ticket.",
}


@dataclass(frozen=True)
class Step:
    event: str
    sentence: str
    at: datetime
    until: datetime | None = None
    """The time with which the sentence ends, if it does."""


def steps_of(events: Iterable[TimelineEvent]) -> list[Step]:
    """Tell the events of an order and of its payment, in their order."""
    steps: list[Step] = []
    for event in events:
        is_over = any(step.event == "order.cancelled" for step in steps)
        until = datetime.fromisoformat(event.data["expiresAt"]) if event.event == "order.extended" else None
        steps.append(Step(event.event, _sentence(event, is_over=is_over), event.at, until))
    return steps


def _sentence(event: TimelineEvent, *, is_over: bool) -> str:
    if event.event == "order.cancelled":
        return cancelled_sentence(event.data.get("cancelReason"))
    if event.event == "payment.created" and is_over:
        return _PAID_TOO_LATE
    sentence = _SENTENCES.get(event.event, "The order changed.")
    return sentence.format(amount=money(event.data["amount"])) if "amount" in event.data else sentence


def cancelled_sentence(reason: object) -> str:
    """Say why an order was cancelled. Events of older versions do not contain the reason."""
    return _CANCELLED.get(str(reason), "The order was cancelled.")


def more_time(events: Sequence[TimelineEvent]) -> str:
    """Say how much time the buyer gets if they ask for more: as much as the order had at first.

    `events` are those of the order and its payment. Without the first one of the order, nobody knows how much it is.
    """
    ordered = next((event for event in events if event.event == "order.created"), None)
    if ordered is None:
        return "More time"
    window = datetime.fromisoformat(ordered.data["expiresAt"]) - made_at(ordered.aggregate_id)
    minutes, seconds = divmod(int(window.total_seconds()), 60)
    number, unit = (minutes, "minute") if minutes else (seconds, "second")
    return f"{number} more {unit}{'' if number == 1 else 's'}"
