"""Stores aggregates that a request with the header Idempotency-Key can create, and finds them by that key."""

from collections.abc import Callable
from typing import Any, TypeVar

from common.domain.errors import KeyReused
from common.domain.requested import RequestedAggregate, RequestKey
from common.storage.repository import AggregateRepository

R = TypeVar("R", bound=RequestedAggregate[Any])


class RequestedRepository(AggregateRepository[R]):
    async def create_indexes(self) -> None:
        """Create the index that allows only one aggregate per `request_key`."""
        # The index must contain only the aggregates that have a `request_key`. Otherwise, MongoDB would allow only one
        # aggregate without a key, because the index is unique. The condition {"$gt": ""} matches every text that is not
        # empty. We must not use {"$type": "string"}, although it matches the same aggregates. MongoDB does not
        # recognise that such an index contains every `request_key`. So it would search for a key without the index.
        await self.collection.create_index(
            "request_key",
            unique=True,
            partialFilterExpression={"request_key": {"$gt": ""}},
            name="one_change_a_request",
        )

    async def find_by_request(
        self, request: RequestKey | None, *, same_target: Callable[[R], bool] = lambda _: False
    ) -> R | None:
        """Return the aggregate that an earlier copy of this request has created, or None.

        Raises KeyReused if another request with the same key has created the aggregate.

        `same_target` returns True if the aggregate is about the same thing as the request, for example the same ticket.
        This method asks it only about aggregates of versions that did not store the fingerprint of the request.
        """
        found = await self.find_one({"request_key": request.key}) if request else None
        if request is None or found is None:
            return None
        stored = found.request_fingerprint
        is_same = same_target(found) if stored is None else stored == request.fingerprint
        if not is_same:
            raise KeyReused(
                "This Idempotency-Key belongs to another request. Use a new key.", argument="Idempotency-Key"
            )
        return found
