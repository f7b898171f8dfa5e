"""What payments refuses over HTTP: no card is charged, and the answer has the reason."""

import asyncio
from datetime import timedelta

from payments.tests.checkout import Checkout, pay, problem

from common.domain.ids import new_id
from devkit.testing.running import RunningService, somebody

AN_ID = "65f0c0ffee00000000000020"
NO_IDS = [
    "",
    "1",
    AN_ID.upper(),
    AN_ID[1:],
    AN_ID + "0",
    AN_ID[:-1] + "g",
    AN_ID + "\n",
    "../../etc/passwd",
    "{$ne: 1}",
]
NO_TOKENS: list[object] = [
    *("", "x" * 201, "x" * 10_000, "tok visa", "tok-visa", "tok_visa\n", "tok_visa\u0000", "tok_vis\u00e1", "💳"),
    *("tok_visa;drop", "{}", '"', "../tok_visa", "4242 4242 4242 4242"),
    *(None, 1, True, ["tok_visa"], {}),
]
BAD_BODIES: list[tuple[object, str]] = [
    *(({"orderId": no_id, "token": "tok_visa"}, "orderId") for no_id in [*NO_IDS, None, 1, True, [AN_ID], {"$ne": ""}]),
    *(({"orderId": AN_ID, "token": token}, "token") for token in NO_TOKENS),
    ({"token": "tok_visa"}, "orderId"),
    ({"orderId": AN_ID}, "token"),
    ({"orderId": AN_ID, "token": "tok_visa", "amount": 1}, "amount"),
    ({"orderId": AN_ID, "token": "tok_visa", "order_id": AN_ID}, "order_id"),
    ({"orderId": AN_ID, "token": "tok_visa", "userId": AN_ID}, "userId"),
]
NO_OBJECTS = [b"", b"{", b"[]", b"null", b'"tok_visa"', b"NaN", b"\xff\xfe", b"[" * 20_000]


async def test_invalid_input_is_refused_with_its_field_and_not_repeated(running: RunningService) -> None:
    client = running.client(somebody())
    for body, field in BAD_BODIES:
        answer = await client.post("/api/payments", json=body)
        assert problem(answer) == (422, "bad-input"), body
        assert field in {line.get("field") for line in answer.json()["errors"]}, body
        assert len(answer.content) < 2_000, "no mirror of 10,000 characters"
    assert await charges(running) == 0


async def test_a_body_that_is_not_a_json_object_is_refused(running: RunningService) -> None:
    client = running.client(somebody())
    for body in NO_OBJECTS:
        answer = await client.post("/api/payments", content=body, headers={"Content-Type": "application/json"})
        assert problem(answer) == (422, "bad-input"), body[:20]

    form = await client.post("/api/payments", data={"orderId": AN_ID, "token": "tok_visa"})
    assert problem(form) == (415, "not-json")
    large = await client.post("/api/payments", json={"orderId": AN_ID, "token": "x" * 70_000})
    assert problem(large) == (413, "body-too-large")
    assert await charges(running) == 0


async def test_an_invalid_query_is_refused_with_its_parameter(running: RunningService) -> None:
    client = running.client(somebody())
    bad = [*(({"orderId": no_id}, "orderId") for no_id in NO_IDS), ({}, "orderId"), ({"order_id": AN_ID}, "order_id")]
    bad += [({"orderId": AN_ID, "limit": "1"}, "limit"), ({"orderId": AN_ID, "x" * 5_000: "1"}, "x" * 100)]
    for query, field in bad:
        answer = await client.get("/api/payments", params=query)
        assert problem(answer) == (422, "bad-input"), query
        assert field in {line.get("field") for line in answer.json()["errors"]}, query

    posted = await client.post("/api/payments", params={"dryRun": "1"}, json={"orderId": AN_ID, "token": "tok_visa"})
    assert problem(posted) == (422, "bad-input")


async def test_only_the_signed_in_buyer_can_pay_an_order(
    checkout: Checkout,
) -> None:
    running, order_id = checkout.running, checkout.created.id
    nobody, forger, stranger = running.client(), running.client(), running.client(somebody())
    forger.headers["Authorization"] = "Bearer eyJhbGciOiJub25lIn0.e30."
    for client, status, name in [
        (nobody, 401, "not-signed-in"),
        (forger, 401, "not-signed-in"),
        (stranger, 403, "not-the-buyer"),
    ]:
        refused = [await pay(client, order_id), await client.get("/api/payments", params={"orderId": order_id})]
        assert [problem(answer) for answer in refused] == [(status, name)] * 2

    unknown = new_id()
    answers = await asyncio.gather(pay(stranger, unknown), stranger.get("/api/payments", params={"orderId": unknown}))
    assert [problem(answer) for answer in answers] == [(404, "not-found")] * 2
    assert await charges(running) == 0


async def test_a_paid_order_is_not_charged_again_before_or_after_it_is_completed(
    checkout: Checkout,
) -> None:
    assert (await checkout.pay()).status_code == 201
    assert problem(await checkout.pay("tok_mastercard")) == (409, "already-paid")

    await checkout.deliver(checkout.completed)
    assert problem(await checkout.pay("tok_mastercard")) == (409, "already-paid")
    assert await charges(checkout.running) == 1


async def test_a_cancelled_order_is_not_charged(checkout: Checkout) -> None:
    await checkout.deliver(checkout.cancelled)

    assert problem(await checkout.pay()) == (409, "order-not-open")
    assert await charges(checkout.running) == 0


async def test_an_expired_order_is_not_charged_even_before_its_cancellation_arrives(
    checkout: Checkout,
) -> None:
    checkout.clock.move_on(timedelta(minutes=15))

    answer = await checkout.pay()

    assert problem(answer) == (409, "order-not-open")
    assert "time to pay" in answer.json()["detail"]
    assert await charges(checkout.running) == 0


async def charges(running: RunningService) -> int:
    return await running.collection("sandbox_charges").count_documents({})
