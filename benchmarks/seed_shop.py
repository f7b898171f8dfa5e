"""Stores tickets and orders in the copies of the storefront service, before a measurement.

The tickets have different titles, prices and dates, so that a search and each sort order have something to do. Every
ninth ticket is sold.
"""

from datetime import UTC, datetime, timedelta

from benchmarks.bench import Bench
from benchmarks.seed_data import insert
from common.domain.clock import utc_now
from common.domain.ids import OrderId, TicketId, UserId, new_id
from common.events.orders import OrderCompleted, OrderedTicket
from common.events.tickets import Place, TicketCreated, TicketEvent, TicketUpdated
from storefront.order_read_model import OrderReadModel
from storefront.ticket_read_model import TicketReadModel

COLLECTIONS = ("tickets", "orders")
_COLOURS = ("amber", "blue", "coral", "dusky", "emerald", "fading", "golden", "hollow", "ivory", "jade")
_THINGS = ("anchors", "bridges", "candles", "drummers", "echoes", "foxes", "gardens", "harbours", "islands", "jugglers")
_VENUES = ("Town Hall", "Old Harbour", "North Arena", "Garden Stage")
SEARCH = "coral har"
"""Two words, of which the second is not complete, as a person types them. One of 100 tickets has them in its title."""
_SOLD = 9


async def seed_shop(bench: Bench, count: int) -> list[str]:
    """Store `count` tickets. Return their ids, oldest first."""
    now = utc_now()
    events = [_ticket(number, now) for number in range(count)]
    tickets = (TicketReadModel.from_event(event).to_document() for event in events)
    orders = (OrderReadModel.from_event(_order(event, now)).to_document() for event in events if event.order_id)
    await insert(bench.collection("storefront", "tickets"), tickets)
    await insert(bench.collection("storefront", "orders"), orders)
    return [event.id for event in events]


def _ticket(number: int, now: datetime) -> TicketEvent:
    is_sold = number % _SOLD == 0
    begins = (now + timedelta(hours=1 + number * 7 % 8_760)).astimezone(UTC)
    facts = {
        "id": new_id(),
        "title": f"The {_COLOURS[number % 10]} {_THINGS[number // 10 % 10]}",
        "price": 1_000 + number * 37 % 20_000,
        "user_id": new_id(),
        "venue": _VENUES[number % len(_VENUES)],
        "starts_at": begins.isoformat(timespec="seconds"),
        "place": Place(section="A", row=str(number % 40), seat=str(number % 60)),
    }
    if is_sold:
        return TicketUpdated(version=2, order_id=OrderId(new_id()), **facts)
    return TicketCreated(version=1, **facts)


def _order(ticket: TicketEvent, now: datetime) -> OrderCompleted:
    return OrderCompleted(
        id=ticket.order_id or "",
        version=2,
        status="completed",
        user_id=UserId(new_id()),
        expires_at=now + timedelta(minutes=15),
        ticket=OrderedTicket(id=TicketId(ticket.id), title=ticket.title, price=ticket.price),
    )
