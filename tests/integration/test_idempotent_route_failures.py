"""Idempotency-Keys whose request got no answer: it was malformed, failed or timed out, or its process died."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from integration.keys import LISTING, a_ticket, status_and_body, with_key
from pymongo.errors import AutoReconnect

import common.http.middleware
from common.domain.errors import DependencyUnavailable, KeyReused
from common.domain.ids import new_id
from common.http.idempotent_requests import Claim, IdempotentRequests
from devkit.testing.clock import SettableClock
from devkit.testing.events import EventStreams
from devkit.testing.interception import InterceptedCollection, Operation
from devkit.testing.running import RunningService, somebody
from devkit.testing.samples import order_events


@pytest.mark.parametrize(
    ("query", "body"),
    [("", b'{"windowSeconds": 0}'), ("", b"\xff"), ("", b"{"), ("?window=60", None)],
    ids=["invalid", "not UTF-8", "not JSON", "unknown query"],
)
async def test_a_malformed_request_is_not_stored_and_may_be_corrected(
    streams: EventStreams, ordering: RunningService, query: str, body: bytes | None
) -> None:
    client, headers = ordering.client(somebody()), with_key() | {"Content-Type": "application/json"}
    mended = {"ticketId": await a_ticket(streams), "windowSeconds": 60}
    for _ in range(2):
        content = json.dumps(mended).encode() if body is None else body
        refused = await client.post(f"/api/orders{query}", content=content, headers=headers)
        assert (refused.status_code, refused.json()["type"]) == (422, "urn:ticket-marketplace:problem:bad-input")
        assert "idempotent-replayed" not in refused.headers
    assert (await client.post("/api/orders", json=mended, headers=headers)).status_code == 201
    reused = await client.post("/api/orders", json={**mended, "windowSeconds": 61}, headers=headers)
    assert reused.json()["type"] == "urn:ticket-marketplace:problem:idempotency-key-reused"


async def test_a_key_whose_request_may_have_begun_accepts_no_other_body(
    ordering: RunningService, clock: SettableClock
) -> None:
    requests = IdempotentRequests(ordering.collection("idempotent_requests"), clock)
    await requests.begin("a request", "its body")  # and its process dies
    clock.ahead = timedelta(seconds=11)
    taken_over = await requests.begin("a request", "its body")
    assert isinstance(taken_over, Claim)
    await requests.abandon(taken_over, understood=False)
    with pytest.raises(KeyReused):
        await requests.begin("a request", "another body")


async def test_an_order_whose_process_died_before_the_answer_is_not_placed_again(
    streams: EventStreams, ordering: RunningService, clock: SettableClock
) -> None:
    client, headers = ordering.client(somebody()), with_key()
    body = {"ticketId": await a_ticket(streams)}
    first = await client.post("/api/orders", json=body, headers=headers)
    requests = ordering.collection("idempotent_requests")
    await requests.update_one({}, {"$set": {"answer": None}})  # the state between the two writes

    too_soon = await client.post("/api/orders", json=body, headers=headers)
    assert (too_soon.status_code, too_soon.json()["type"]) == (409, "urn:ticket-marketplace:problem:request-in-flight")
    clock.ahead = timedelta(seconds=11)
    assert status_and_body(await client.post("/api/orders", json=body, headers=headers)) == status_and_body(first)
    assert await ordering.collection("orders").count_documents({}) == 1


async def test_a_ticket_whose_process_died_before_the_answer_is_not_listed_again(
    selling: RunningService, clock: SettableClock
) -> None:
    client, headers = selling.client(somebody()), with_key()
    first = await client.post("/api/tickets", json=LISTING, headers=headers)
    requests = selling.collection("idempotent_requests")
    await requests.update_one({}, {"$set": {"answer": None}})  # the state between the two writes
    clock.ahead = timedelta(seconds=11)
    assert status_and_body(await client.post("/api/tickets", json=LISTING, headers=headers)) == status_and_body(first)
    assert await selling.collection("tickets").count_documents({}) == 1


async def test_a_key_whose_request_failed_without_the_database_is_free_after_10_s(
    streams: EventStreams, ordering: RunningService, clock: SettableClock
) -> None:
    async def away(name: str, operation: Operation) -> Any:
        if name == "update_one":
            raise AutoReconnect("connection closed")
        return await operation()

    state, client, headers = ordering.app.state, ordering.client(somebody()), with_key()
    body = {"ticketId": await a_ticket(streams)}
    dependencies = state.dependencies
    collection: Any = InterceptedCollection(dependencies.idempotent_requests.collection, away)
    requests = IdempotentRequests(collection, clock)
    state.dependencies = replace(dependencies, idempotent_requests=requests, use_cases=None)  # None: a defect
    failed = await client.post("/api/orders", json=body, headers=headers)
    assert (failed.status_code, failed.json()["type"]) == (500, "urn:ticket-marketplace:problem:internal-error")
    state.dependencies = dependencies
    assert (await client.post("/api/orders", json=body, headers=headers)).status_code == 409
    clock.ahead = timedelta(seconds=11)
    assert (await client.post("/api/orders", json=body, headers=headers)).status_code == 201


async def test_a_failed_request_can_be_repeated_immediately_with_its_key(
    streams: EventStreams, ordering: RunningService
) -> None:
    """A server error is not stored as the answer, and the next request does not wait."""

    class Failing:
        async def place_order(self, *_: object, **__: object) -> None:
            raise DependencyUnavailable("The database does not answer.")

    state, client, headers = ordering.app.state, ordering.client(somebody()), with_key()
    body, dependencies = {"ticketId": await a_ticket(streams)}, state.dependencies
    state.dependencies = replace(dependencies, use_cases=Failing())
    assert (await client.post("/api/orders", json=body, headers=headers)).status_code == 503
    state.dependencies = dependencies
    repeated = await client.post("/api/orders", json=body, headers=headers)
    assert repeated.status_code == 201, repeated.text


@pytest.mark.parametrize("ending", [asyncio.CancelledError, RuntimeError], ids=["cancelled", "another error"])
async def test_a_key_whose_request_timed_out_is_in_flight_for_10_s(
    streams: EventStreams,
    ordering: RunningService,
    clock: SettableClock,
    monkeypatch: pytest.MonkeyPatch,
    ending: type[BaseException],
) -> None:
    state, client, headers = ordering.app.state, ordering.client(somebody()), with_key()
    body, dependencies = {"ticketId": await a_ticket(streams)}, state.dependencies
    stuck = _Stuck(ending)
    state.dependencies = replace(dependencies, use_cases=stuck)
    with monkeypatch.context() as patched:
        patched.setattr(common.http.middleware, "MAX_SECONDS", 1.0)
        assert (await client.post("/api/orders", json=body, headers=headers)).status_code == 503
    assert stuck.reached
    state.dependencies = dependencies
    assert (await client.post("/api/orders", json=body, headers=headers)).status_code == 409
    clock.ahead = timedelta(seconds=11)
    assert (await client.post("/api/orders", json=body, headers=headers)).status_code == 201


class _Stuck:
    def __init__(self, ending: type[BaseException]) -> None:
        self._ending = ending
        self.reached = False

    async def place_order(self, *_: object, **__: object) -> None:
        self.reached = True
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise self._ending from None  # as PyMongo's client sometimes does


async def test_a_payment_whose_process_died_is_continued(
    streams: EventStreams, paying: RunningService, clock: SettableClock
) -> None:
    buyer = somebody()
    created, _, _ = order_events(new_id(), buyer=buyer)
    await streams.publish(created)
    client, headers = paying.client(buyer), with_key()
    body = {"orderId": created.id, "token": "pm_card_visa"}
    first = await client.post("/api/payments", json=body, headers=headers)
    # The state after the charge and before its outcome is stored.
    await paying.collection("idempotent_requests").update_one({}, {"$set": {"answer": None}})
    before = {"$set": {"status": "pending", "token": "pm_card_visa", "charge_id": None, "version": 1}}
    await paying.collection("payments").update_one({}, before)
    clock.ahead = timedelta(seconds=11)
    again = await client.post("/api/payments", json=body, headers=headers)
    assert status_and_body(again) == status_and_body(first)
    assert await paying.collection("sandbox_charges").count_documents({}) == 1
