"""The HTTP answers that the seed reads."""

from marketplace.demo.answers import Answer


class Place(Answer):
    section: str | None = None
    row: str | None = None
    seat: str | None = None


class User(Answer):
    id: str


class TicketOnSale(Answer):
    title: str
    user_id: str
    place: Place | None = None


class TicketPage(Answer):
    tickets: list[TicketOnSale]
    next_cursor: str | None
