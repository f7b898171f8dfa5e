"""How the pages write amounts of money and times."""

from datetime import UTC, datetime, timedelta

from common.events.tickets import Place

_SYMBOL = "$"  # of common.http.money.CURRENCY


def money(minor_units: int) -> str:
    """Return an amount for people. For example, 199900 becomes "$1,999.00"."""
    return f"{_SYMBOL}{minor_units // 100:,}.{minor_units % 100:02d}"


def decimal(minor_units: int) -> str:
    """Return an amount as a request contains it. For example, 199900 becomes "1999.00"."""
    return f"{minor_units // 100}.{minor_units % 100:02d}"


def iso(moment: datetime) -> str:
    """Return a time for programs, in UTC, to the millisecond: "2026-11-27T15:30:00.250Z"."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def clock_time(moment: datetime) -> str:
    """Return a time for people who have no JavaScript. With JavaScript, the page shows it in the person's own zone."""
    return f"{moment.astimezone(UTC):%H:%M} UTC"


def precise_time(moment: datetime) -> str:
    """Return a time to the millisecond, for those who compare events: "2026-11-27 15:30:00.250 UTC"."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03} UTC"


def event_time(starts_at: str) -> str:
    """Return when an event begins, for people, in the time of its place. For example "Sat 1 May 2027, 20:00 UTC+2".

    A text that this version cannot read stays as it is.
    """
    try:
        moment = datetime.fromisoformat(starts_at)
    except ValueError:
        return starts_at
    return f"{moment:%a} {moment.day} {moment:%b %Y, %H:%M} {_zone(moment)}"


def _zone(moment: datetime) -> str:
    """Return the offset from UTC: "UTC", "UTC+2" or "UTC-3:30"."""
    minutes = int((moment.utcoffset() or timedelta()).total_seconds()) // 60
    hours, rest = divmod(abs(minutes), 60)
    amount = f"{hours}:{rest:02d}" if rest else f"{hours}"
    return f"UTC{'-' if minutes < 0 else '+'}{amount}" if minutes else "UTC"


def place_parts(place: Place | None) -> list[tuple[str, str]]:
    """Return the parts of a place that are known, each with its name. For example [("Row", "F"), ("Seat", "4")]."""
    named = {"Section": place.section, "Row": place.row, "Seat": place.seat} if place else {}
    return [(name, value) for name, value in named.items() if value]


def date_and_time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%d %b %Y, %H:%M} UTC"
