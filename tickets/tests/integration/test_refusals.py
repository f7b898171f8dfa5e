"""What tickets refuses over HTTP: the status, the type and the field of the answer."""

import json

import httpx

from common.domain.ids import TicketId, new_id
from common.events.tickets import TicketCreated, TicketUpdated
from devkit.testing.events import EventStreams
from devkit.testing.problem_details import Refusal, refusal
from devkit.testing.running import RunningService, somebody
from devkit.testing.samples import order_events
from tickets.consumers import CONSUMERS
from tickets.service import TicketService
from tickets.ticket import Ticket

ALL = [consumer.name for consumer in CONSUMERS]
JSON = {"Content-Type": "application/json"}
LISTING = {"title": "Opera", "price": 25}
NO_PRICES = (
    *("0", "-1", "-0.01", "19.999", "0.001", "NaN", "Infinity", "-Infinity", "1e309", "1000000", "1" + "0" * 400),
    *('"-1"', '"19,99"', '"1e3"', '" 1"', '""', '"19.999"', '"1000000"', "true", "null", "[19.99]", "{}"),
)
INVISIBLE = tuple(
    json.dumps(text)
    for text in ("\u200b", "\x00", "\x1f\x7f", " \u200d \ufeff", "\u202e\u2066", "\u3164", "\u2800", "\ufe0f")
)
TURNED = tuple(
    json.dumps(f"evil {control}override") for control in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
NO_TITLES = (
    *('""', '"   "', "null", "1", "true", "[]", json.dumps("x" * 10_000), json.dumps("x" * 201), r'"\ud800"'),
    *INVISIBLE,
    *TURNED,
)
NO_STARTS = (
    *('"2127-05-01T20:00:00"', '"2127-05-01"', '"2127-02-30T20:00:00Z"', '"2020-05-01T20:00:00+02:00"', '"tomorrow"'),
    *('""', "1809194400", "true", "[]", "{}"),
)
NO_PLACES = {
    **dict.fromkeys(("1", '"row 1"', "[]", "true"), "place"),
    **dict.fromkeys(('{"row": ""}', '{"row": " "}', '{"row": 1}', '{"row": "%s"}' % ("x" * 51)), "place.row"),
    **{f'{{"seat": {text}}}': "place.seat" for text in (*INVISIBLE, *TURNED)},
    '{"gate": "1"}': "place.gate",
}
NO_IDS = ("1", "not-an-id", "65F0C0FFEE00000000000001", "65f0c0ffee0000000000000g", "65f0c0ffee000000000000010", "%00")


async def test_changes_of_tickets_require_a_signed_in_user(anybody: httpx.AsyncClient, ticket: Ticket) -> None:
    not_signed_in = Refusal(401, "not-signed-in", [None])
    assert refusal(await anybody.post("/api/tickets", json=LISTING)) == not_signed_in
    assert refusal(await anybody.put(f"/api/tickets/{ticket.id}", json=LISTING)) == not_signed_in
    assert refusal(await anybody.delete(f"/api/tickets/{ticket.id}")) == not_signed_in


async def test_only_its_seller_can_change_or_withdraw_a_ticket(running: RunningService, ticket: Ticket) -> None:
    other, not_the_seller = running.client(somebody()), Refusal(403, "not-the-seller", [None])
    assert refusal(await other.put(f"/api/tickets/{ticket.id}", json=LISTING)) == not_the_seller
    assert refusal(await other.delete(f"/api/tickets/{ticket.id}")) == not_the_seller


async def test_a_ticket_that_was_never_listed_is_not_found(selling: httpx.AsyncClient) -> None:
    unknown = f"/api/tickets/{new_id()}"
    not_found = Refusal(404, "not-found", [None])
    assert refusal(await selling.get(unknown)) == not_found
    assert refusal(await selling.put(unknown, json=LISTING)) == not_found
    assert refusal(await selling.delete(unknown)) == not_found
    assert refusal(await selling.get("/api/tickets/a/b")) == not_found


async def test_held_and_sold_tickets_cannot_be_changed_or_withdrawn(
    streams: EventStreams, selling: httpx.AsyncClient, tickets: TicketService, ticket: Ticket
) -> None:
    sold = await tickets.list_ticket(seller=ticket.user_id, title="Concert", price=1999)
    await streams.publish(order_events(ticket.id)[0], order_events(sold.id)[2])
    await streams.eventually_quiet(*ALL)
    for each in (ticket, sold):
        response = await selling.put(f"/api/tickets/{each.id}", json=LISTING)
        assert refusal(response) == Refusal(409, "ticket-held", [None])
        assert refusal(await selling.delete(f"/api/tickets/{each.id}")) == Refusal(409, "ticket-held", [None])
        assert (await tickets.get_ticket(TicketId(each.id))).title == "Concert"


async def test_an_invalid_listing_is_refused_with_its_field_and_changes_nothing(
    streams: EventStreams, selling: httpx.AsyncClient, tickets: TicketService, ticket: Ticket
) -> None:
    bodies: dict[str | bytes, list[str | None]] = {
        **{f'{{"title": "Opera", "price": {price}}}': ["price"] for price in NO_PRICES},
        **{f'{{"title": {title}, "price": 25}}': ["title"] for title in NO_TITLES},
        **{f'{{"title": "Opera", "price": 25, "venue": {venue}}}': ["venue"] for venue in NO_TITLES if venue != "null"},
        **{f'{{"title": "Opera", "price": 25, "startsAt": {text}}}': ["startsAt"] for text in NO_STARTS},
        **{f'{{"title": "Opera", "price": 25, "place": {place}}}': [field] for place, field in NO_PLACES.items()},
        '{"title": "Opera"}': ["price"],
        '{"price": 25}': ["title"],
        "{}": ["title", "price"],
        '{"title": "", "price": 0}': ["title", "price"],
        '{"title": "Opera", "price": 25, "colour": "red"}': ["colour"],
        '{"title": "Opera", "price": 25, "userId": "65f0c0ffee00000000000001"}': ["userId"],
        '{"title": "Opera", "price": 25, "order_id": null}': ["order_id"],
        "[]": [None],
        "null": [None],
        '"Opera"': [None],
        '{"title": "Opera", "price": 25': [None],
        "": [None],
        '{"title": "Opera", "price": ' + "1" * 5000 + "}": [None],  # more digits than Python parses
        "[" * 30_000: [None],  # deeper than Python parses
        b'{"title": "Op\xe9ra", "price": 25}': [None],  # not UTF-8
        r'{"title": "Opera", "price": 25, "\ud800": 1}': [
            None
        ],  # half of a surrogate pair, which cannot be encoded in the answer
        '{"title": "Opera", "price": 25, "' + "x" * 500 + '": 1}': ["x" * 100],
    }
    wanted = {body: Refusal(422, "bad-input", fields) for body, fields in bodies.items()}
    for method, path in (("POST", "/api/tickets"), ("PUT", f"/api/tickets/{ticket.id}")):
        got = {body: refusal(await selling.request(method, path, content=body, headers=JSON)) for body in bodies}
        assert got == wanted

    assert (await tickets.get_ticket(TicketId(ticket.id))).version == 1
    assert await tickets._tickets.collection.count_documents({}) == 1
    await streams.eventually_published(TicketCreated)
    assert await streams.published(TicketUpdated) == []


async def test_a_malformed_id_is_refused(selling: httpx.AsyncClient) -> None:
    wanted = Refusal(422, "bad-input", ["ticketId"])
    assert {i: refusal(await selling.get(f"/api/tickets/{i}")) for i in NO_IDS} == dict.fromkeys(NO_IDS, wanted)
    response = await selling.put("/api/tickets/not-an-id", json=LISTING)
    assert refusal(response) == wanted


async def test_an_invalid_query_is_refused(selling: httpx.AsyncClient, ticket: Ticket) -> None:
    refused = {
        "?limit=0": "limit",
        "?limit=101": "limit",
        "?limit=ten": "limit",
        "?limit=": "limit",
        "?cursor=1": "cursor",
        "?cursor=": "cursor",
        "?cursor=65f0c0ffee00000000000001%0a": "cursor",
        "?page=2": "page",
        f"/{ticket.id}?limit=1": "limit",
    }
    for query, field in refused.items():
        assert (query, refusal(await selling.get(f"/api/tickets{query}"))) == (
            query,
            Refusal(422, "bad-input", [field]),
        )
    response = await selling.post("/api/tickets?dryRun=true", json=LISTING)
    assert refusal(response) == Refusal(422, "bad-input", ["dryRun"])


async def test_all_tickets_cannot_be_deleted_at_once(selling: httpx.AsyncClient, ticket: Ticket) -> None:
    response = await selling.delete("/api/tickets")
    assert refusal(response) == Refusal(405, "method-not-allowed", [None])
