"""Signing up: one user per address, and one event per user."""

import asyncio
import json
import re
from random import Random

import httpx
import pytest

from common.events.users import UserRegistered
from devkit.testing.events import EventStreams
from devkit.testing.running import RunningService

PASSWORD = "correct horse battery"
JSON = {"Content-Type": "application/json"}


async def sign_up(client: httpx.AsyncClient, email: str, password: str = PASSWORD) -> httpx.Response:
    return await client.post("/api/users/signup", json={"email": email, "password": password})


async def test_signing_up_stores_a_user_and_publishes_it_without_the_password(
    running: RunningService, browser: httpx.AsyncClient, streams: EventStreams
) -> None:
    answer = await sign_up(browser, "Buyer@Example.com")
    assert answer.status_code == 201
    assert set(answer.json()) == {"id", "email"}
    assert re.fullmatch(r"[0-9a-f]{24}", answer.json()["id"])
    assert answer.json()["email"] == "buyer@example.com"

    (event,) = await streams.eventually_published(UserRegistered)
    assert event == UserRegistered(id=answer.json()["id"], version=1, email="buyer@example.com")
    (envelope,) = await streams.envelopes(UserRegistered)
    assert b"argon2" not in envelope.data
    assert b"password" not in envelope.data.lower()
    assert envelope.headers["ce-causationid"] == "POST /api/users/signup"

    users = running.collection("users")
    await streams.eventually_relayed(users)
    (stored,) = await users.find({}).to_list(None)
    assert stored.pop("password_hash").startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert stored == {"_id": event.id, "email": "buyer@example.com", "version": 1, "outbox": []}


async def test_of_20_concurrent_signups_with_one_address_one_succeeds(
    running: RunningService, streams: EventStreams
) -> None:
    random = Random(20)
    spellings = ["".join(random.choice((c.lower(), c.upper())) for c in "buyer@example.com") for _ in range(20)]
    answers = await asyncio.gather(*(sign_up(running.client(), email) for email in spellings))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 19
    for answer in answers:
        if answer.status_code == 409:
            assert answer.json()["type"] == "urn:ticket-marketplace:problem:email-taken"
            assert answer.json()["errors"] == [
                {"message": "Sign in, or sign up with another address.", "field": "email"}
            ]
            assert "set-cookie" not in answer.headers
    assert await running.collection("users").count_documents({}) == 1
    await streams.eventually_published(UserRegistered)


ACCEPTED = [
    ("ü@example.com", PASSWORD),
    ("buyer@bücher.com", PASSWORD),
    ("用户@例子.中国", PASSWORD),
    ("first.last+tag@sub.example.com", PASSWORD),
    ("a" * 64 + "@example.com", PASSWORD),
    ("eight@example.com", "x" * 8),
    ("longest@example.com", "🐎" * 128),
    ("nul@example.com", "correct\0horse"),
]
REFUSED = [
    ("buyer@example.com", "x" * 7),
    ("buyer@example.com", "x" * 129),
    ("buyer@example.com", ""),
    ("buyer@example.com", "\ud800" * 10),
    ("a" * 10_000 + "@example.com", PASSWORD),
    ("buyer@" + "a.com" * 2_000, PASSWORD),
    ("buyer", PASSWORD),
    ("buyer.example.com", PASSWORD),
    ("@example.com", PASSWORD),
    ("buyer@", PASSWORD),
    ("buyer@@example.com", PASSWORD),
    ("buyer@example", PASSWORD),
    ("buyer@[127.0.0.1]", PASSWORD),
    ("buyer\0@example.com", PASSWORD),
    ("buyer@example.com\0", PASSWORD),
    ("buyer@example.com\nBcc: everybody@example.com", PASSWORD),
    ("\ud800@example.com", PASSWORD),
    ("buyer@\udfff.com", PASSWORD),
    ("", PASSWORD),
]


def as_ascii(email: str, password: str) -> str:
    r"""JSON text, which can contain half of a surrogate pair: \ud800."""
    return json.dumps({"email": email, "password": password})


async def test_any_input_is_accepted_or_refused_with_a_reason_and_never_repeated(
    running: RunningService, browser: httpx.AsyncClient, streams: EventStreams
) -> None:
    for email, password in REFUSED:
        for path in ("/api/users/signup", "/api/users/signin"):
            answer = await browser.post(path, content=as_ascii(email, password), headers=JSON)
            assert answer.status_code == 422, f"{path} {email[:40]!a}: {answer.status_code} {answer.text}"
            fields = {line["field"] for line in answer.json()["errors"]}
            assert fields == {"email" if password == PASSWORD else "password"}, answer.text
            assert len(answer.text) < 1000
            assert password == "" or password not in answer.text
    assert await running.collection("users").count_documents({}) == 0
    for email, password in ACCEPTED:
        signed_up = await sign_up(browser, email, password)
        assert signed_up.status_code == 201, f"{email[:40]!a}: {signed_up.text}"
        signed_in = await browser.post("/api/users/signin", json={"email": email.upper(), "password": password})
        assert signed_in.status_code == 200, f"{email[:40]!a}: {signed_in.text}"
        assert signed_in.json() == signed_up.json()
    await streams.eventually_published(UserRegistered, len(ACCEPTED))


@pytest.mark.parametrize("body", [{}, {"email": "buyer@example.com"}, {"email": {"$gt": ""}, "password": {"$gt": ""}}])
async def test_address_and_password_are_texts_and_both_are_required(
    body: dict[str, object], browser: httpx.AsyncClient
) -> None:
    for path in ("/api/users/signup", "/api/users/signin"):
        answer = await browser.post(path, json=body)
        assert answer.status_code == 422
        expected = {"email", "password"} if body.get("email") != "buyer@example.com" else {"password"}
        assert {line["field"] for line in answer.json()["errors"]} == expected
