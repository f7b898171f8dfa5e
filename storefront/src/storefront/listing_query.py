"""What a person asks the list of tickets for: words, an order, and a place in this order.

The place is the last ticket of the page before, and not a number of pages. So a page does not drift when tickets are
listed or sold meanwhile: no ticket appears twice or is left out.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from urllib.parse import urlencode

from common.domain.ids import ID_PATTERN
from common.storage.collection import Document

PAGE_SIZE = 24
_DAY = 86_400
_CURSOR = re.compile(rf"(?:([0-9]{{1,12}})_)?({ID_PATTERN.strip('^$')})")


class Sort(StrEnum):
    NEWEST = "newest"
    OLDEST = "oldest"
    SOONEST = "soonest"
    CHEAPEST = "cheapest"
    DEAREST = "dearest"

    @property
    def field(self) -> str:
        return _ORDERS[self][0]

    @property
    def direction(self) -> int:
        return _ORDERS[self][1]

    @property
    def order(self) -> list[tuple[str, int]]:
        """The order for MongoDB. The id decides between tickets that are equal in the first field."""
        first = [(self.field, self.direction)] if self.field != "_id" else []
        return [*first, ("_id", self.direction)]


_ORDERS = {
    Sort.NEWEST: ("_id", -1),
    Sort.OLDEST: ("_id", 1),
    Sort.SOONEST: ("begins", 1),
    Sort.CHEAPEST: ("price", 1),
    Sort.DEAREST: ("price", -1),
}


@dataclass(frozen=True)
class ListingQuery:
    text: str = ""
    sort: Sort = Sort.NEWEST
    all: bool = False
    """True if the list also has tickets that are held or sold."""
    first_day: date | None = None
    last_day: date | None = None
    """The list has only events from `first_day` to `last_day`, as days where they take place. None: at any time."""
    has_swapped_days: bool = False
    """True if the person has asked for the days in the opposite order."""
    cursor: str = ""
    """The place in the list: `<value of the first field>_<ticket id>`, or only the id. Empty for the first page."""

    @property
    def is_filtered(self) -> bool:
        """True if the list has only what somebody searches for, by words or by days."""
        return bool(self.text or self.has_days)

    @property
    def has_days(self) -> bool:
        return bool(self.first_day or self.last_day)

    def address(self, cursor: str = "", *, show_all: bool = False, on_any_day: bool = False) -> str:
        """Return the address of this list: its first page, or the page at the cursor.

        `show_all` is for `all`. `on_any_day` is for the same list without its days.
        """
        values = {
            "q": self.text,
            "sort": self.sort.value if self.sort is not Sort.NEWEST else "",
            "show": "all" if self.all or show_all else "",
            "from": None if on_any_day else self.first_day,
            "to": None if on_any_day else self.last_day,
            "after": cursor,
        }
        query = urlencode({name: value for name, value in values.items() if value})
        return f"/?{query}" if query else "/"

    def conditions(self) -> list[Document]:
        """Return what the tickets of this page have in common: the days, and that they come after the cursor."""
        found: list[Document] = []
        # An index has the time in `begins`. Everywhere, a day begins and ends at most one day away from that of UTC.
        if self.first_day:
            found.append({"day": {"$gte": str(self.first_day)}, "begins": {"$gte": _seconds(self.first_day) - _DAY}})
        if self.last_day:
            found.append({"day": {"$lte": str(self.last_day)}, "begins": {"$lt": _seconds(self.last_day) + 2 * _DAY}})
        after = self._after()
        return [*found, after] if after else found

    def _after(self) -> Document | None:
        """Return the condition for the tickets after the cursor, or None for the first page.

        A cursor that this code has not made counts as the first page. The condition names the range of the first field
        a second time, because MongoDB does not derive it from the alternatives: it would read the list from its start.
        """
        found = _CURSOR.fullmatch(self.cursor)
        field, beyond = self.sort.field, "$gt" if self.sort.direction > 0 else "$lt"
        if found is None or (found[1] is None) != (field == "_id"):
            return None
        if field == "_id":
            return {"_id": {beyond: found[2]}}
        value = int(found[1])
        after = [{field: {beyond: value}}, {field: value, "_id": {beyond: found[2]}}]
        return {field: {f"{beyond}e": value}, "$or": after}

    def cursor_after(self, ticket_id: str, values: Mapping[str, int]) -> str:
        """Return the cursor of the page after this ticket. `values` are those of the fields that can come first."""
        return ticket_id if self.sort.field == "_id" else f"{values[self.sort.field]}_{ticket_id}"


def _seconds(day: date) -> int:
    """Return when the day begins in UTC, in seconds since 1970."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
