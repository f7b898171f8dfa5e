"""MongoDB answers each list with an index in its order. It neither reads nor sorts all tickets."""

from collections.abc import Iterator
from typing import Any

import pytest
from storefront.tests.shop import Shop

from common.domain.clock import utc_now
from common.domain.ids import UserId, new_id
from devkit.testing.samples import listed_ticket, order_events
from storefront.listing_query import ListingQuery, Sort
from storefront.order_read_model import OrderReadModel
from storefront.ticket_read_model import TicketReadModel, condition_of

TICKETS = 2_000
AFTER = {"_id": "{id}", "price": "1000_{id}", "begins": "1800000000_{id}"}


def database_of(shop: Shop) -> Any:
    return shop.running.runtime.mongo.database


@pytest.fixture
async def tickets(shop: Shop) -> list[str]:
    """Tickets of which two thirds are on sale, with 20 prices, and half of them with a date."""
    documents = []
    for number in range(TICKETS):
        starts_at = f"2027-{number % 12 + 1:02}-01T20:00:00+02:00" if number % 2 else None
        ticket = listed_ticket(price=100 * (number % 20 + 1), starts_at=starts_at)
        held = ticket.model_copy(update={"order_id": None if number % 3 else new_id()})
        documents.append(TicketReadModel.from_event(held).to_document())
    await database_of(shop)["tickets"].insert_many(documents)
    return [document["_id"] for document in documents]


async def explained(shop: Shop, name: str, wanted: dict[str, Any], order: list[tuple[str, int]]) -> tuple[str, int]:
    """Return the stages with which MongoDB finds a page, and how many documents it reads for it."""
    find = {"find": name, "filter": wanted, "sort": dict(order), "limit": 25}
    found = await database_of(shop).command({"explain": find, "verbosity": "executionStats"})
    plan = found["queryPlanner"]["winningPlan"]
    return " ".join(stages(plan.get("queryPlan", plan))), found["executionStats"]["totalDocsExamined"]


def stages(plan: dict[str, Any]) -> Iterator[str]:
    yield plan["stage"]
    for inner in [*filter(None, [plan.get("inputStage")]), *plan.get("inputStages", [])]:
        yield from stages(inner)


@pytest.mark.parametrize("everything", [False, True], ids=["on sale", "all"])
@pytest.mark.parametrize("sort", Sort)
async def test_each_page_of_each_list_comes_from_an_index(
    shop: Shop, tickets: list[str], sort: Sort, *, everything: bool
) -> None:
    for cursor in ("", AFTER[sort.field].format(id=tickets[TICKETS // 2])):
        query = ListingQuery(sort=sort, all=everything, cursor=cursor)
        found, read = await explained(shop, "tickets", condition_of(query, utc_now()), sort.order)
        assert "COLLSCAN" not in found
        assert "SORT" not in found.split(), "it must not sort; SORT_MERGE merges two sorted parts"
        assert read <= 250, found


async def test_ones_own_lists_and_the_orders_of_a_page_come_from_an_index(shop: Shop, tickets: list[str]) -> None:
    buyer = UserId(new_id())
    orders = [
        order_events(ticket, buyer=buyer if number % 50 == 0 else None)[0] for number, ticket in enumerate(tickets)
    ]
    copies = [OrderReadModel.from_event(order).to_document() for order in orders]
    await database_of(shop)["orders"].insert_many(copies)
    newest = [("_id", -1)]
    for name, wanted in (
        ("tickets", {"user_id": (await shop.running.collection("tickets").find_one({}) or {})["user_id"]}),
        ("orders", {"user_id": buyer}),
        ("orders", {"ticket_id": {"$in": tickets[:24]}, "is_live": True}),
        ("payments", {"order_id": orders[0].id}),
    ):
        found, read = await explained(shop, name, wanted, newest)
        assert "COLLSCAN" not in found, wanted
        assert read <= 50, wanted
