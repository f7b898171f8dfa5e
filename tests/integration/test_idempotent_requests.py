"""The same Idempotency-Key and body: the first answer again, and nothing happens twice."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from pymongo.errors import AutoReconnect

import common.http.middleware
import orders.consumers
import orders.main
import payments.consumers
import payments.main
from common.auth import SignedInUser
from common.clock import utc_now
from common.http.idempotency import IdempotentRequests
from common.ids import new_id
from common.testing.events import EventStreams
from common.testing.interception import InterceptedCollection, Operation
from common.testing.running import RunningService, Surroundings, somebody
from common.testing.samples import listed_ticket, order_events
from orders.settings import OrdersSettings
from payments.settings import PaymentsSettings


class Clock:
    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def __call__(self) -> datetime:
        return utc_now() + self.ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def ordering(surroundings: Surroundings, clock: Clock) -> AsyncIterator[RunningService]:
    settings = surroundings.settings(OrdersSettings, "orders")
    create = lambda: orders.main.create_app(settings, clock=clock, policy=surroundings.policy)  # noqa: E731
    async with surroundings.running(create, orders.consumers.CONSUMERS) as running:
        yield running


@pytest.fixture
async def paying(surroundings: Surroundings, clock: Clock) -> AsyncIterator[RunningService]:
    settings = surroundings.settings(PaymentsSettings, "payments")
    create = lambda: payments.main.create_app(settings, clock=clock, policy=surroundings.policy)  # noqa: E731
    async with surroundings.running(create, payments.consumers.CONSUMERS) as running:
        yield running


def with_key(key: str | None = None) -> dict[str, str]:
    return {"Idempotency-Key": key or f'"{new_id()}"'}


def told(answer: httpx.Response) -> tuple[int, object]:
    return answer.status_code, answer.json()


async def a_ticket(streams: EventStreams) -> str:
    ticket = listed_ticket()
    await streams.publish(ticket)
    return ticket.id


async def test_a_repeated_order_is_answered_as_the_first_time_and_placed_once(
    streams: EventStreams, ordering: RunningService
) -> None:
    client, headers = ordering.client(somebody()), with_key()
    body = {"ticketId": await a_ticket(streams)}
    first = await client.post("/api/orders", json=body, headers=headers)
    assert first.status_code == 201
    assert (await client.delete(f"/api/orders/{first.json()['id']}")).status_code == 204
    again = await client.post("/api/orders", json=body, headers=headers)
    assert told(again) == told(first), "although the order has been cancelled since, and the ticket is free"
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert await ordering.collection("orders").count_documents({}) == 1


@pytest.mark.parametrize("authorization", ["Bearer", "Bearer  {token}"], ids=["in the cookie", "after two spaces"])
async def test_a_key_counts_wherever_the_token_is_found(
    streams: EventStreams, ordering: RunningService, authorization: str
) -> None:
    buyer = somebody()
    token = ordering.signer.sign(SignedInUser(buyer, "buyer@example.com"))
    headers = {**with_key(), "Authorization": authorization.format(token=token), "Cookie": f"session={token}"}
    client, body = ordering.client(), {"ticketId": await a_ticket(streams)}
    first = await client.post("/api/orders", json=body, headers=headers)
    assert first.status_code == 201
    again = await client.post("/api/orders", json=body, headers=headers)
    assert told(again) == told(first)
    malformed = await client.post("/api/orders", json=body, headers={**headers, "Idempotency-Key": "x" * 300})
    assert malformed.status_code == 422


async def test_a_refusal_is_an_answer_too(streams: EventStreams, ordering: RunningService) -> None:
    winner, loser, headers = ordering.client(somebody()), ordering.client(somebody()), with_key()
    body = {"ticketId": await a_ticket(streams)}
    won = await winner.post("/api/orders", json=body)
    first = await loser.post("/api/orders", json=body, headers=headers)
    assert first.status_code == 409
    await winner.delete(f"/api/orders/{won.json()['id']}")
    again = await loser.post("/api/orders", json=body, headers=headers)
    assert told(again) == told(first)
    assert again.headers["content-type"] == "application/problem+json"
    assert (await loser.post("/api/orders", json=body, headers=with_key())).status_code == 201


async def test_a_key_with_another_body_is_refused(streams: EventStreams, ordering: RunningService) -> None:
    client, headers = ordering.client(somebody()), with_key()
    first, second = await a_ticket(streams), await a_ticket(streams)
    assert (await client.post("/api/orders", json={"ticketId": first}, headers=headers)).status_code == 201
    answer = await client.post("/api/orders", json={"ticketId": second}, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (
        422,
        "urn:ticket-marketplace:problem:idempotency-key-reused",
    )


async def test_a_key_is_its_users_own(streams: EventStreams, ordering: RunningService) -> None:
    headers = with_key("the same for both")
    tickets = [await a_ticket(streams), await a_ticket(streams)]
    for ticket in tickets:
        answer = await ordering.client(somebody()).post("/api/orders", json={"ticketId": ticket}, headers=headers)
        assert answer.status_code == 201


@pytest.mark.parametrize("key", ["x" * 256, "tab\there", '""', ""])
async def test_a_key_that_is_none_is_bad_input(ordering: RunningService, key: str) -> None:
    client = ordering.client(somebody())
    answer = await client.post("/api/orders", json={"ticketId": new_id()}, headers={"Idempotency-Key": key})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "Idempotency-Key")


async def test_of_two_keys_none_is_chosen(ordering: RunningService) -> None:
    client, twice = ordering.client(somebody()), [("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    answer = await client.post("/api/orders", json={"ticketId": new_id()}, headers=twice)
    assert (answer.status_code, answer.json()["errors"][0]["message"]) == (422, "must be sent once")


async def test_a_request_that_could_not_be_understood_is_no_answer_and_can_be_mended(
    streams: EventStreams, ordering: RunningService
) -> None:
    client, headers = ordering.client(somebody()), with_key()
    body: dict[str, Any] = {"ticketId": await a_ticket(streams), "windowSeconds": 0}
    for _ in range(2):
        refused = await client.post("/api/orders", json=body, headers=headers)
        assert (refused.status_code, refused.json()["type"]) == (422, "urn:ticket-marketplace:problem:bad-input")
        assert "idempotent-replayed" not in refused.headers
    body["windowSeconds"] = 60
    assert (await client.post("/api/orders", json=body, headers=headers)).status_code == 201
    body["windowSeconds"] = 61
    reused = await client.post("/api/orders", json=body, headers=headers)
    assert reused.json()["type"] == "urn:ticket-marketplace:problem:idempotency-key-reused"


async def test_an_order_whose_process_died_before_it_could_answer_is_found_and_not_placed_again(
    streams: EventStreams, ordering: RunningService, clock: Clock
) -> None:
    client, headers = ordering.client(somebody()), with_key()
    body = {"ticketId": await a_ticket(streams)}
    first = await client.post("/api/orders", json=body, headers=headers)
    requests = ordering.collection("idempotent_requests")
    await requests.update_one({}, {"$set": {"answer": None}})  # as it was in between

    too_soon = await client.post("/api/orders", json=body, headers=headers)
    assert (too_soon.status_code, too_soon.json()["type"]) == (409, "urn:ticket-marketplace:problem:request-in-flight")
    clock.ahead = timedelta(seconds=11)
    assert told(await client.post("/api/orders", json=body, headers=headers)) == told(first)
    assert await ordering.collection("orders").count_documents({}) == 1


async def test_a_key_whose_request_failed_with_the_database_away_is_free_again_after_a_while(
    streams: EventStreams, ordering: RunningService, clock: Clock
) -> None:
    async def away(name: str, operation: Operation) -> Any:
        if name == "update_one":
            raise AutoReconnect("connection closed")
        return await operation()

    state, client, headers = ordering.app.state, ordering.client(somebody()), with_key()
    body = {"ticketId": await a_ticket(streams)}
    requests, orders = state.idempotent_requests, state.orders
    collection: Any = InterceptedCollection(requests.collection, away)
    state.idempotent_requests, state.orders = IdempotentRequests(collection, clock), None  # which is a defect
    failed = await client.post("/api/orders", json=body, headers=headers)
    assert (failed.status_code, failed.json()["type"]) == (500, "urn:ticket-marketplace:problem:internal-error")
    state.idempotent_requests, state.orders = requests, orders
    assert (await client.post("/api/orders", json=body, headers=headers)).status_code == 409
    clock.ahead = timedelta(seconds=11)
    assert (await client.post("/api/orders", json=body, headers=headers)).status_code == 201


async def test_a_key_whose_request_took_too_long_is_under_way_for_a_while(
    streams: EventStreams, ordering: RunningService, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    state, client, headers = ordering.app.state, ordering.client(somebody()), with_key()
    body, orders = {"ticketId": await a_ticket(streams)}, state.orders
    with monkeypatch.context() as patched:
        patched.setattr(common.http.middleware, "MAX_SECONDS", 0.3)
        state.orders = _Stuck()
        assert (await client.post("/api/orders", json=body, headers=headers)).status_code == 503
    state.orders = orders
    assert (await client.post("/api/orders", json=body, headers=headers)).status_code == 409
    clock.ahead = timedelta(seconds=11)
    assert (await client.post("/api/orders", json=body, headers=headers)).status_code == 201


class _Stuck:
    async def place_order(self, *_: object, **__: object) -> None:
        await asyncio.Event().wait()


async def test_50_identical_payments_at_once_are_one_charge(streams: EventStreams, paying: RunningService) -> None:
    buyer = somebody()
    created, _, _ = order_events(new_id(), buyer=buyer)
    await streams.publish(created)
    client, headers = paying.client(buyer), with_key()
    body = {"orderId": created.id, "token": "pm_card_visa"}
    answers = await asyncio.gather(*(client.post("/api/payments", json=body, headers=headers) for _ in range(50)))
    statuses = Counter(answer.status_code for answer in answers)
    assert statuses[201] >= 1
    assert set(statuses) <= {201, 409}
    assert {a.json()["type"] for a in answers if a.status_code == 409} <= {
        "urn:ticket-marketplace:problem:request-in-flight"
    }
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 201}) == 1
    assert await paying.collection("sandbox_charges").count_documents({}) == 1
    assert (await client.post("/api/payments", json=body, headers=headers)).status_code == 201


async def test_a_payment_whose_process_died_in_the_middle_is_gone_on_with(
    streams: EventStreams, paying: RunningService, clock: Clock
) -> None:
    buyer = somebody()
    created, _, _ = order_events(new_id(), buyer=buyer)
    await streams.publish(created)
    client, headers = paying.client(buyer), with_key()
    body = {"orderId": created.id, "token": "pm_card_visa"}
    first = await client.post("/api/payments", json=body, headers=headers)
    # As it was after the charge, and before its outcome was stored.
    await paying.collection("idempotent_requests").update_one({}, {"$set": {"answer": None}})
    before = {"$set": {"status": "pending", "token": "pm_card_visa", "charge_id": None, "version": 1}}
    await paying.collection("payments").update_one({}, before)
    clock.ahead = timedelta(seconds=11)
    again = await client.post("/api/payments", json=body, headers=headers)
    assert told(again) == told(first)
    assert await paying.collection("sandbox_charges").count_documents({}) == 1


@pytest.mark.parametrize("alone", [True, False], ids=["alone", "in a group"])
async def test_what_a_request_did_is_found_by_the_index_however_much_is_stored(
    ordering: RunningService, paying: RunningService, alone: bool
) -> None:
    for collection in (ordering.collection("orders"), paying.collection("payments")):
        await asyncio.gather(
            *(
                collection.insert_one(
                    {"_id": new_id(), "order_id": new_id(), "ticket": {"id": new_id()}, "status": "x"}
                )
                for _ in range(50)
            )
        )
        key = "somebody:a-key"
        query = {"request_key": key if alone else {"$in": [key, "another"]}}
        plan = await collection.find(query).explain()  # type: ignore[attr-defined] # the services need no such call
        assert plan["executionStats"]["totalDocsExamined"] == 0, plan["queryPlanner"]["winningPlan"]
