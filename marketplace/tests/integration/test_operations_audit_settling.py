"""The audit looks twice, and reports only what it finds both times."""

from dataclasses import replace
from typing import Any

from marketplace.tests.integration.operated import an_operator

from common.domain.ids import new_id
from devkit.testing.events import EventStreams
from devkit.testing.running import Surroundings
from marketplace.operations.audit import audit
from marketplace.operations.difference import Difference


class ChangesAfterTheFirstLook:
    """A collection that loses one document and gets another one after the first look, as if events arrived."""

    def __init__(self, collection: Any, goes: str, comes: str) -> None:
        self._collection, self._goes, self._comes = collection, goes, comes
        self._has_changed = False

    def find(self, *_query: Any) -> Any:
        return self

    async def to_list(self, length: int | None) -> Any:
        seen = await self._collection.find({}).to_list(length)
        if not self._has_changed:
            self._has_changed = True
            await self._collection.delete_one({"_id": self._goes})
            await self._collection.insert_one(orphan(self._comes))
        return seen


def orphan(key: str) -> dict[str, Any]:
    return {"_id": key, "version": 1, "ticket_id": new_id(), "is_live": False}


async def test_a_difference_that_a_second_look_does_not_find_is_not_reported(
    surroundings: Surroundings, streams: EventStreams
) -> None:
    """Nor is a difference that only the second look finds."""
    assert await differences_of_two_looks(surroundings, settle_seconds=5) == []


async def test_the_audit_looks_twice_even_if_one_look_takes_longer_than_the_time_to_settle(
    surroundings: Surroundings, streams: EventStreams
) -> None:
    """As with very many documents."""
    assert await differences_of_two_looks(surroundings, settle_seconds=0.001) == []


async def differences_of_two_looks(surroundings: Surroundings, *, settle_seconds: float) -> list[Difference]:
    goes, comes = new_id(), new_id()
    async with an_operator(surroundings) as operator:
        tickets = operator.databases["tickets"]
        await tickets["order_replicas"].insert_one(orphan(goes))
        changing = ChangesAfterTheFirstLook(tickets["order_replicas"], goes, comes)
        databases: dict[str, Any] = {
            **operator.databases,
            "tickets": {"tickets": tickets["tickets"], "order_replicas": changing},
        }
        report = await audit(replace(operator, databases=databases), settle_seconds=settle_seconds)
    return report.differences
