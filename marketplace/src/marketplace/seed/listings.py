"""The seed data: events, and the tickets that five sellers offer for them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from marketplace.seed.answers import Place

PASSWORD = "correct horse battery"  # noqa: S105 - the sellers are public examples, and own nothing else
"""The password of all sellers. Everybody can read it here, so that everybody can try the platform as a seller."""

MON, TUE, WED, THU, FRI, SAT, SUN = range(7)


@dataclass(frozen=True)
class Listing:
    seller: str
    title: str
    price: float
    venue: str
    starts_at: datetime
    place: Place

    @property
    def email(self) -> str:
        return f"{self.seller}@example.com"

    def body(self) -> dict[str, Any]:
        """The body of the request that lists this ticket."""
        return {
            "title": self.title,
            "price": self.price,
            "venue": self.venue,
            "startsAt": self.starts_at.isoformat(timespec="seconds"),
            "place": self.place.model_dump(exclude_none=True),
        }


@dataclass(frozen=True)
class _Event:
    seller: str
    title: str
    venue: str
    weeks_ahead: int
    weekday: int
    begins: time
    tickets: tuple[tuple[float, Place], ...]

    def starts_at(self, today: date) -> datetime:
        """The first such weekday more than `weeks_ahead` weeks after today, in the time zone of this machine."""
        earliest = today + timedelta(weeks=self.weeks_ahead, days=1)
        day = earliest + timedelta(days=(self.weekday - earliest.weekday()) % 7)
        return datetime.combine(day, self.begins).astimezone()


def _row(section: str, row: str, *prices: float, first_seat: int = 1) -> tuple[tuple[float, Place], ...]:
    """Neighbouring seats in one row."""
    seats = enumerate(prices, first_seat)
    return tuple((price, Place(section=section, row=row, seat=str(seat))) for seat, price in seats)


def _areas(**prices: float) -> tuple[tuple[float, Place], ...]:
    """Tickets without a numbered seat."""
    return tuple((price, Place(section=section)) for section, price in prices.items())


_EVENTS = (
    _Event("nina", "Swan Lake", "Opera House", 3, SAT, time(19, 30), _row("Stalls", "F", 89, 89, 84.5, first_seat=11)),
    _Event("omar", "City Derby", "Harbour Stadium", 2, SUN, time(15, 30), _row("East Stand", "22", 42, 42, 39.9)),
    _Event("lucia", "Jazz at Midnight", "The Blue Cellar", 1, FRI, time(23, 0), _areas(Floor=18, Balcony=26.5)),
    _Event("tom", "The Paper Lanterns", "Riverside Hall", 6, THU, time(20, 0), _areas(Floor=54.9, Balcony=68)),
    _Event("aiko", "Hamlet", "Globe Playhouse", 4, WED, time(19, 0), _row("Gallery", "B", 31, 31, 28, first_seat=4)),
    _Event("nina", "The Magic Flute", "Opera House", 9, FRI, time(19, 0), _row("Circle", "A", 112, 112, 98)),
    _Event("omar", "Ice Hockey Final", "Northern Arena", 7, TUE, time(19, 45), _row("104", "9", 75, 75)),
    _Event("lucia", "Flamenco Nights", "Patio Theatre", 5, SAT, time(21, 0), _row("Centre", "3", 36, 36, 33.5)),
    _Event("tom", "Open Air Festival", "Castle Park", 14, SAT, time(14, 0), _areas(Meadow=79, Terrace=99.5)),
    _Event("aiko", "Comedy Hour", "Back Room Club", 1, TUE, time(20, 30), _areas(Front=15, Back=12.5)),
    _Event("nina", "Piano Recital", "Concert Hall", 8, SUN, time(11, 0), _row("Choir", "2", 24, 24, first_seat=7)),
    _Event("omar", "Cycling Night Race", "Velodrome", 10, FRI, time(18, 30), _row("Curve", "14", 29.9, 29.9, 27)),
    _Event("lucia", "Symphony No. 9", "Concert Hall", 12, SAT, time(20, 0), _row("Parterre", "K", 65, 65, 59)),
    _Event("tom", "Robot Orchestra", "Old Gasworks", 11, WED, time(20, 0), _areas(Floor=33, Gallery=41)),
    _Event("aiko", "Shadow Puppets", "Garden Theatre", 2, SUN, time(16, 0), _row("Middle", "D", 14, 14, 14)),
    _Event("aiko", "Chess World Cup", "Town Hall", 13, MON, time(17, 0), _row("Gallery", "1", 22.5, 22.5)),
)


def listings(today: date) -> Iterator[Listing]:
    """All listings, in the order in which they are listed: one ticket of each event, then the next of each."""
    most = max(len(event.tickets) for event in _EVENTS)
    for number in range(most):
        for event in _EVENTS:
            for price, place in event.tickets[number : number + 1]:
                yield Listing(event.seller, event.title, price, event.venue, event.starts_at(today), place)
