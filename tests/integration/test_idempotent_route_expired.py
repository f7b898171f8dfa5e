"""An Idempotency-Key whose stored answer has expired does not answer for another request.

The ticket, order or payment of the first request keeps the key for ever, so it must be compared with what is asked now,
as https://docs.stripe.com/idempotency says.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx
import pytest
from integration.keys import LISTING, a_ticket, with_key

from common.domain.ids import UserId, new_id
from devkit.testing.events import EventStreams
from devkit.testing.problem_details import assert_problem
from devkit.testing.running import RunningService, Surroundings, somebody
from devkit.testing.samples import order_events
from marketplace import registry

Body = dict[str, Any]


@dataclass(frozen=True)
class Requests:
    """A request to one service, and other requests that a client may send with the same Idempotency-Key."""

    first: Body
    about_the_same: tuple[Body, ...]
    """The other requests that name the same ticket or order."""
    about_another: tuple[Body, ...]
    """The service accepts the first of them if it comes with a new key. It refuses the last of them."""


async def requests_to_orders(streams: EventStreams, _: UserId) -> Requests:
    ticket = {"ticketId": await a_ticket(streams)}
    first = {**ticket, "expectedPrice": 19.99}
    return Requests(
        first,
        about_the_same=(
            ticket,
            {**first, "expectedPrice": 20},
            {**first, "windowSeconds": 60},
            {**first, "windowSeconds": 86_400},
        ),
        about_another=({"ticketId": await a_ticket(streams)}, {"ticketId": new_id()}),
    )


async def requests_to_payments(streams: EventStreams, buyer: UserId) -> Requests:
    (created, _, _), (other, _, _) = order_events(new_id(), buyer=buyer), order_events(new_id(), buyer=buyer)
    await streams.publish(created, other)
    first = {"orderId": created.id, "token": "tok_visa"}
    return Requests(
        first,
        about_the_same=({**first, "token": "tok_mastercard"},),
        about_another=({**first, "orderId": other.id}, {**first, "orderId": new_id()}),
    )


async def requests_to_tickets(_: EventStreams, __: UserId) -> Requests:
    over = {**LISTING, "startsAt": "2020-01-01T20:00:00Z"}
    return Requests(LISTING, about_the_same=(), about_another=({**LISTING, "price": "19.99"}, over))


REQUESTS: dict[str, Callable[[EventStreams, UserId], Awaitable[Requests]]] = {
    "tickets": requests_to_tickets,
    "orders": requests_to_orders,
    "payments": requests_to_payments,
}
EVERY_SERVICE = pytest.mark.parametrize("service", REQUESTS)
SERVICES_OF_VERSION_0_1_0 = pytest.mark.parametrize("service", ["orders", "payments"])
"""The services that supported the Idempotency-Key in version 0.1.0."""


class Client:
    """A user who sends all requests with the same Idempotency-Key, each after all stored answers have expired."""

    def __init__(self, running: RunningService, service: str, user: UserId) -> None:
        self.aggregates: Any = running.collection(service)
        self._answers: Any = running.collection("idempotent_requests")
        self._client, self._path, self._headers = running.client(user), f"/api/{service}", with_key()

    async def post(self, body: Body) -> httpx.Response:
        await self._answers.delete_many({})  # as MongoDB does 48 hours after a request
        return await self._client.post(self._path, json=body, headers=self._headers)

    async def assert_refused(self, body: Body) -> None:
        problem = assert_problem(await self.post(body), 422, "another request with the same key")
        assert problem["type"].endswith(":idempotency-key-reused")
        assert problem["errors"][0]["field"] == "Idempotency-Key"

    async def assert_answered(self, body: Body, first: httpx.Response) -> None:
        again = await self.post(body)
        assert (again.status_code, again.json()) == (201, first.json())


@pytest.fixture
async def running(surroundings: Surroundings, service: str) -> AsyncIterator[RunningService]:
    spec = registry.service(service)
    create = partial(spec.create_app, surroundings.settings(spec.settings, spec.name), policy=surroundings.policy)
    async with surroundings.running(create, spec.consumers) as started:
        yield started


@EVERY_SERVICE
async def test_an_old_key_answers_for_no_other_body_and_still_for_its_own(
    streams: EventStreams, running: RunningService, service: str
) -> None:
    requests = await REQUESTS[service](streams, user := somebody())
    client = Client(running, service, user)
    first = await client.post(requests.first)
    assert first.status_code == 201, first.text
    for other in (*requests.about_the_same, *requests.about_another):
        await client.assert_refused(other)
        await client.assert_answered(requests.first, first)
    assert await client.aggregates.count_documents({}) == 1


@SERVICES_OF_VERSION_0_1_0
async def test_the_key_of_an_older_version_answers_for_its_own_ticket_or_order_only(
    streams: EventStreams, running: RunningService, service: str
) -> None:
    """Version 0.1.0 stored the key without a hash of the body."""
    requests = await REQUESTS[service](streams, user := somebody())
    client = Client(running, service, user)
    first = await client.post(requests.first)
    without = await client.aggregates.update_one({}, {"$unset": {"request_fingerprint": ""}})
    assert without.modified_count == 1
    for other in requests.about_another:
        await client.assert_refused(other)
    for same in (requests.first, *requests.about_the_same):
        await client.assert_answered(same, first)
