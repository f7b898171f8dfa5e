"""A repeated request with the same Idempotency-Key and body gets the first answer, and nothing happens twice."""

import asyncio
import json
from collections import Counter

import pytest
from integration.keys import LISTING, a_ticket, status_and_body, with_key

from common.domain.ids import new_id
from common.domain.tokens import SignedInUser
from devkit.testing.events import EventStreams
from devkit.testing.running import RunningService, somebody
from devkit.testing.samples import order_events


async def test_a_repeated_order_gets_the_first_answer_and_is_placed_once(
    streams: EventStreams, ordering: RunningService
) -> None:
    client, headers = ordering.client(somebody()), with_key()
    body = {"ticketId": await a_ticket(streams)}
    first = await client.post("/api/orders", json=body, headers=headers)
    assert first.status_code == 201
    assert (await client.delete(f"/api/orders/{first.json()['id']}")).status_code == 204
    again = await client.post("/api/orders", json=body, headers=headers)
    assert status_and_body(again) == status_and_body(first), (
        "although the order has been cancelled since, and the ticket is free"
    )
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert await ordering.collection("orders").count_documents({}) == 1


async def test_a_repeated_listing_gets_the_first_answer_and_is_listed_once(selling: RunningService) -> None:
    client, headers = selling.client(somebody()), with_key()
    first = await client.post("/api/tickets", json=LISTING, headers=headers)
    assert first.status_code == 201
    assert (await client.delete(f"/api/tickets/{first.json()['id']}")).status_code == 204
    again = await client.post("/api/tickets", json=LISTING, headers=headers)
    assert status_and_body(again) == status_and_body(first), "although the ticket has been withdrawn since"
    assert again.headers["idempotent-replayed"] == "true"
    assert await selling.collection("tickets").count_documents({}) == 1
    assert (await client.post("/api/tickets", json=LISTING, headers=with_key())).json()["id"] != first.json()["id"]


async def test_an_answer_that_an_older_version_has_stored_is_replayed_as_it_was(
    streams: EventStreams, paying: RunningService
) -> None:
    """Without the fields that answers have got since then."""
    created, *_ = order_events(new_id())
    await streams.publish(created)
    client, headers = paying.client(created.user_id), with_key()
    body = {"orderId": created.id, "token": "tok_visa"}
    first = await client.post("/api/payments", json=body, headers=headers)
    older = json.dumps({key: first.json()[key] for key in ("id", "orderId", "status")})
    await paying.collection("idempotent_requests").update_one({}, {"$set": {"answer.body": older}})
    again = await client.post("/api/payments", json=body, headers=headers)
    assert (again.status_code, again.text) == (201, older)


@pytest.mark.parametrize("authorization", ["Bearer", "Bearer  {token}"], ids=["in the cookie", "after two spaces"])
async def test_a_key_works_with_the_cookie_and_with_a_bearer_token(
    streams: EventStreams, ordering: RunningService, authorization: str
) -> None:
    buyer = somebody()
    token = ordering.signer.sign(SignedInUser(buyer, "buyer@example.com"))
    headers = {**with_key(), "Authorization": authorization.format(token=token), "Cookie": f"session={token}"}
    client, body = ordering.client(), {"ticketId": await a_ticket(streams)}
    first = await client.post("/api/orders", json=body, headers=headers)
    assert first.status_code == 201
    again = await client.post("/api/orders", json=body, headers=headers)
    assert status_and_body(again) == status_and_body(first)
    malformed = await client.post("/api/orders", json=body, headers={**headers, "Idempotency-Key": "x" * 300})
    assert malformed.status_code == 422


async def test_a_refusal_is_stored_as_an_answer(streams: EventStreams, ordering: RunningService) -> None:
    winner, loser, headers = ordering.client(somebody()), ordering.client(somebody()), with_key()
    body = {"ticketId": await a_ticket(streams)}
    won = await winner.post("/api/orders", json=body)
    first = await loser.post("/api/orders", json=body, headers=headers)
    assert first.status_code == 409
    await winner.delete(f"/api/orders/{won.json()['id']}")
    again = await loser.post("/api/orders", json=body, headers=headers)
    assert status_and_body(again) == status_and_body(first)
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


async def test_another_user_may_use_the_same_key(streams: EventStreams, ordering: RunningService) -> None:
    headers = with_key("the same for both")
    tickets = [await a_ticket(streams), await a_ticket(streams)]
    for ticket in tickets:
        answer = await ordering.client(somebody()).post("/api/orders", json={"ticketId": ticket}, headers=headers)
        assert answer.status_code == 201


async def test_two_users_who_choose_the_same_key_place_an_order_each(
    streams: EventStreams, ordering: RunningService
) -> None:
    buyers, headers = [ordering.client(somebody()), ordering.client(somebody())], with_key("1")
    tickets = [await a_ticket(streams), await a_ticket(streams)]
    for buyer, ticket in zip(buyers, tickets, strict=True):
        assert (await buyer.post("/api/orders", json={"ticketId": ticket}, headers=headers)).status_code == 201
    listed = [(await buyer.get("/api/orders")).json()["orders"] for buyer in buyers]
    assert [[order["ticket"]["id"] for order in orders] for orders in listed] == [[ticket] for ticket in tickets]


async def test_two_users_who_choose_the_same_key_make_a_payment_each(
    streams: EventStreams, paying: RunningService
) -> None:
    headers, answered = with_key("1"), []
    created = [order_events(new_id(), buyer=somebody())[0] for _ in range(2)]
    await streams.publish(*created)
    for order in created:
        body = {"orderId": order.id, "token": "pm_card_visa"}
        answer = await paying.client(order.user_id).post("/api/payments", json=body, headers=headers)
        assert answer.status_code == 201
        answered.append(answer.json()["orderId"])
    assert answered == [order.id for order in created]
    assert await paying.collection("sandbox_charges").count_documents({}) == 2


@pytest.mark.parametrize("key", ["x" * 256, "tab\there", '""', ""])
async def test_an_invalid_key_is_refused(ordering: RunningService, key: str) -> None:
    client = ordering.client(somebody())
    answer = await client.post("/api/orders", json={"ticketId": new_id()}, headers={"Idempotency-Key": key})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "Idempotency-Key")


async def test_two_keys_in_one_request_are_refused(ordering: RunningService) -> None:
    client, twice = ordering.client(somebody()), [("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    answer = await client.post("/api/orders", json={"ticketId": new_id()}, headers=twice)
    assert (answer.status_code, answer.json()["errors"][0]["message"]) == (422, "must be sent once")


async def test_50_concurrent_identical_payments_are_one_charge(streams: EventStreams, paying: RunningService) -> None:
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


@pytest.mark.parametrize("alone", [True, False], ids=["alone", "in a batch"])
async def test_the_result_of_a_request_is_found_through_the_index(
    selling: RunningService, ordering: RunningService, paying: RunningService, alone: bool
) -> None:
    collections = selling.collection("tickets"), ordering.collection("orders"), paying.collection("payments")
    for collection in collections:
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
        plan = await collection.find(query).explain()  # type: ignore[attr-defined] # the services do not need this call
        assert plan["executionStats"]["totalDocsExamined"] == 0, plan["queryPlanner"]["winningPlan"]
