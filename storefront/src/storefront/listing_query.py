"""What a person asks the list of tickets for: words, an order, and a place in this order.

The place is the last ticket of the page before, and not a number of pages. So a page does not drift when tickets are
listed or sold meanwhile: no ticket appears twice or is left out.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from common.domain.ids import ID_PATTERN
from common.storage.collection import Document

PAGE_SIZE = 24
_CURSOR = re.compile(rf"(?:([0-9]{{1,12}})_)?({ID_PATTERN.strip('^$')})")


class Sort(StrEnum):
    NEWEST = "newest"
    OLDEST = "oldest"
    CHEAPEST = "cheapest"
    DEAREST = "dearest"

    @property
    def field(self) -> str:
        return "price" if self in (Sort.CHEAPEST, Sort.DEAREST) else "_id"

    @property
    def direction(self) -> int:
        return 1 if self in (Sort.OLDEST, Sort.CHEAPEST) else -1

    @property
    def order(self) -> list[tuple[str, int]]:
        """The order for MongoDB. The id decides between tickets that are equal in the first field."""
        first = [(self.field, self.direction)] if self.field != "_id" else []
        return [*first, ("_id", self.direction)]


@dataclass(frozen=True)
class ListingQuery:
    text: str = ""
    sort: Sort = Sort.NEWEST
    all: bool = False
    """True if the list also has tickets that are held or sold."""
    cursor: str = ""
    """The place in the list: `<value of the first field>_<ticket id>`, or only the id. Empty for the first page."""

    def after(self) -> Document | None:
        """Return the condition for the tickets after the cursor, or None for the first page.

        A cursor that this code has not made counts as the first page.
        """
        found = _CURSOR.fullmatch(self.cursor)
        field, beyond = self.sort.field, "$gt" if self.sort.direction > 0 else "$lt"
        if found is None or (found[1] is None) != (field == "_id"):
            return None
        if field == "_id":
            return {"_id": {beyond: found[2]}}
        value = int(found[1])
        return {"$or": [{field: {beyond: value}}, {field: value, "_id": {beyond: found[2]}}]}

    def cursor_after(self, ticket_id: str, value: int) -> str:
        """Return the cursor of the page after this ticket. `value` is what the ticket has in the field of the order."""
        return ticket_id if self.sort.field == "_id" else f"{value}_{ticket_id}"
