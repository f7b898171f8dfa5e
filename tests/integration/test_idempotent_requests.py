"""A claim on an Idempotency-Key: one request at a time makes the answer, and the answer is stored."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from integration.keys import LISTING, a_ticket, with_key
from starlette.responses import Response

from common.domain.ids import new_id
from common.http.idempotent_requests import Claim, IdempotentRequests, RequestInFlight
from common.storage.mongo import Mongo
from devkit.testing.clock import SettableClock
from devkit.testing.events import EventStreams
from devkit.testing.interception import InterceptedCollection, Operation
from devkit.testing.running import RunningService, somebody
from devkit.testing.samples import order_events

DEAD = timedelta(seconds=11)
"""After this time, a claim without an answer may be taken over."""
REQUEST, BODY = "a buyer's request", "the fingerprint of its body"


@pytest.fixture
def requests(mongo: Mongo, clock: SettableClock) -> IdempotentRequests:
    return IdempotentRequests(mongo.database["idempotent_requests"], clock)


async def claim(requests: IdempotentRequests) -> Claim:
    claim = await requests.begin(REQUEST, BODY)
    assert isinstance(claim, Claim), "there is an answer already"
    return claim


async def kept_answer(requests: IdempotentRequests) -> bytes:
    answer = await requests.begin(REQUEST, BODY)
    assert isinstance(answer, Response), "there is no answer yet"
    return bytes(answer.body)


async def test_a_claim_from_the_future_can_be_taken_over(requests: IdempotentRequests, clock: SettableClock) -> None:
    """Its process died, and then the clock was set back."""
    clock.move_on(timedelta(hours=1))
    await claim(requests)
    clock.move_on(timedelta(hours=-1))
    await claim(requests)


async def test_a_claim_can_be_taken_over_only_after_ten_seconds(
    requests: IdempotentRequests, clock: SettableClock
) -> None:
    """A request may take almost five seconds. A second one before its end would do the work twice."""
    await claim(requests)
    for seconds in (0, 5, 9):
        clock.ahead = timedelta(seconds=seconds)
        with pytest.raises(RequestInFlight):
            await requests.begin(REQUEST, BODY)
    clock.ahead = DEAD
    assert await claim(requests)


async def test_of_two_concurrent_requests_one_takes_an_abandoned_claim_over(
    mongo: Mongo, requests: IdempotentRequests, clock: SettableClock
) -> None:
    both_have_read = asyncio.Barrier(2)

    async def wait_after_reading(name: str, operation: Operation) -> Any:
        result = await operation()
        if name == "find_one":
            await both_have_read.wait()
        return result

    await claim(requests)
    clock.ahead = DEAD
    collection: Any = InterceptedCollection(mongo.database["idempotent_requests"], wait_after_reading)
    instances = [IdempotentRequests(collection, clock) for _ in range(2)]
    async with asyncio.timeout(10):
        results = await asyncio.gather(
            *(instance.begin(REQUEST, BODY) for instance in instances), return_exceptions=True
        )
    assert {type(result) for result in results} == {Claim, RequestInFlight}


async def test_a_slow_request_does_not_overwrite_the_answer_after_a_takeover(
    requests: IdempotentRequests, clock: SettableClock
) -> None:
    slow = await claim(requests)
    clock.ahead = DEAD
    quick = await claim(requests)
    await requests.keep(slow, Response(b"of the slow request"))
    await requests.keep(quick, Response(b"of the quick request"))
    await requests.keep(slow, Response(b"of the slow request, once more"))
    assert await kept_answer(requests) == b"of the quick request"


async def test_a_slow_request_that_fails_does_not_give_up_the_claim_after_a_takeover(
    requests: IdempotentRequests, clock: SettableClock
) -> None:
    slow = await claim(requests)
    clock.ahead = DEAD
    await claim(requests)
    await requests.abandon(slow, understood=True)
    with pytest.raises(RequestInFlight):
        await requests.begin(REQUEST, BODY)


async def test_mongodb_keeps_each_answer_for_at_least_a_day(
    streams: EventStreams, selling: RunningService, ordering: RunningService, paying: RunningService
) -> None:
    """The API promises 24 hours. The limit is read from the index of each service in MongoDB."""
    created, _, _ = order_events(new_id(), buyer=(buyer := somebody()))
    await streams.publish(created)
    order, payment = {"ticketId": await a_ticket(streams)}, {"orderId": created.id, "token": "pm_card_visa"}
    for service, path, body in (
        (selling, "/api/tickets", LISTING),
        (ordering, "/api/orders", order),
        (paying, "/api/payments", payment),
    ):
        assert (await service.client(buyer).post(path, json=body, headers=with_key())).status_code == 201
        collection: Any = service.collection("idempotent_requests")
        indexes = (await collection.index_information()).values()
        limits = {index["key"][0][0]: index["expireAfterSeconds"] for index in indexes if "expireAfterSeconds" in index}
        assert limits, f"{service.runtime.name} never deletes its answers"
        for field, seconds in limits.items():
            assert seconds >= timedelta(hours=24).total_seconds(), f"{service.runtime.name} deletes them too early"
            is_a_date = await collection.count_documents({field: {"$type": "date"}})
            assert is_a_date == 1, "MongoDB deletes nothing by a field that is no date"
