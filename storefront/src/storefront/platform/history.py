"""What the page /live shows of the events of one aggregate. It shows no person: no id of a user, and no address."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from common.domain.ids import ID_PATTERN
from common.messaging.timeline import TimelineEvent
from storefront.service import StorefrontService

_EVENT_ID = re.compile(r"(ticket|order|payment|expiration)-([0-9a-f]{24})-\d+")
_TIMER = "expiration.alarm"
"""The cause of expiration.completed. A timer has an id like an event, but it is in no timeline."""
_MOST_CAUSES = 30
"""A ticket can have many orders. The page names the events of so many of them, and only the ids of the others."""


@dataclass(frozen=True)
class HistoryStep:
    event: str
    version: int
    at: datetime
    cause: str
    """The name of the event that was the cause. If it is not known: its id, or `request`."""
    cause_id: str
    """The id of the aggregate whose event was the cause. Empty if a request was the cause."""
    status: str
    reason: str
    """Why an order was cancelled: `buyer`, `expired` or `withdrawn`. Empty otherwise."""
    title: str
    """Of the ticket. Empty if the event does not say it."""
    related: dict[str, str]
    """Maps `ticket`, `order` and `payment` to the ids that the event names."""


async def read_steps(storefront: StorefrontService, aggregate_id: str) -> list[HistoryStep]:
    """Raises DependencyUnavailable if the event stream does not answer."""
    events = await storefront.read_history(aggregate_id)
    names = _names_of(events)
    unknown = [found[2] for each in events if each.cause not in names and (found := _EVENT_ID.fullmatch(each.cause))]
    names |= _names_of(await storefront.read_events(list(dict.fromkeys(unknown))[:_MOST_CAUSES]))
    return [history_step(each, names) for each in events]


def history_step(event: TimelineEvent, names: Mapping[str, str]) -> HistoryStep:
    """`names` maps the ids of events to their names."""
    found = _EVENT_ID.fullmatch(event.cause)
    return HistoryStep(
        event=event.event,
        version=event.version,
        at=event.at,
        cause=names.get(event.cause, _TIMER if found and found[1] == "expiration" else event.cause),
        cause_id=found[2] if found else "",
        status=str(event.data.get("status") or ""),
        reason=str(event.data.get("cancelReason") or ""),
        title=_title_of(event.data),
        related=_related(event.data),
    )


def _names_of(events: Iterable[TimelineEvent]) -> dict[str, str]:
    return {f"{each.event.partition('.')[0]}-{each.aggregate_id}-{each.version}": each.event for each in events}


def _title_of(data: dict[str, Any]) -> str:
    ticket = data.get("ticket")
    return str((ticket if isinstance(ticket, dict) else data).get("title") or "")


def _related(data: dict[str, Any]) -> dict[str, str]:
    ticket = data.get("ticket")
    named = {
        "ticket": ticket.get("id") if isinstance(ticket, dict) else None,
        "order": data.get("orderId"),
        "payment": data.get("paymentId"),
    }
    return {name: value for name, value in named.items() if isinstance(value, str) and re.fullmatch(ID_PATTERN, value)}
