"""What the page /live shows of the events of one aggregate. It shows no person: no id of a user, and no address."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from common.domain.ids import ID_PATTERN
from common.messaging.timeline import TimelineEvent

_EVENT_ID = re.compile(r"(ticket|order|payment|expiration)-([0-9a-f]{24})-\d+")


@dataclass(frozen=True)
class HistoryStep:
    event: str
    version: int
    at: datetime
    cause: str
    cause_id: str
    """The id of the aggregate whose event was the cause. Empty if a request was the cause."""
    status: str
    related: dict[str, str]
    """Maps `ticket`, `order` and `payment` to the ids that the event names."""


def history_step(event: TimelineEvent) -> HistoryStep:
    found = _EVENT_ID.fullmatch(event.cause)
    return HistoryStep(
        event=event.event,
        version=event.version,
        at=event.at,
        cause=event.cause,
        cause_id=found[2] if found else "",
        status=str(event.data.get("status") or ""),
        related=_related(event.data),
    )


def _related(data: dict[str, Any]) -> dict[str, str]:
    ticket = data.get("ticket")
    named = {
        "ticket": ticket.get("id") if isinstance(ticket, dict) else None,
        "order": data.get("orderId"),
        "payment": data.get("paymentId"),
    }
    return {name: value for name, value in named.items() if isinstance(value, str) and re.fullmatch(ID_PATTERN, value)}
