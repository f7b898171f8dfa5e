"""Signing in. An unknown address and a wrong password get the same answer after the same time."""

import statistics
import time

import httpx
import pytest

from devkit.testing.running import RunningService

PASSWORD = "correct horse battery"
KNOWN, UNKNOWN = "buyer@example.com", "nobody@example.com"


@pytest.fixture
async def client(running: RunningService) -> httpx.AsyncClient:
    """A client that is not signed in. One user has signed up."""
    answer = await running.client().post("/api/users/signup", json={"email": KNOWN, "password": PASSWORD})
    assert answer.status_code == 201
    return running.client()


async def sign_in(client: httpx.AsyncClient, email: str, password: str) -> httpx.Response:
    return await client.post("/api/users/signin", json={"email": email, "password": password})


async def test_a_user_signs_in_with_address_and_password(client: httpx.AsyncClient) -> None:
    for email in (KNOWN, KNOWN.upper(), "Buyer@Example.Com"):
        answer = await sign_in(client, email, PASSWORD)
        assert answer.status_code == 200
        assert answer.json()["email"] == KNOWN
        assert "session" in answer.cookies


async def test_an_unknown_address_and_a_wrong_password_get_the_same_answer(
    client: httpx.AsyncClient,
) -> None:
    wrong, unknown = await sign_in(client, KNOWN, "wrong password"), await sign_in(client, UNKNOWN, PASSWORD)
    assert (wrong.status_code, unknown.status_code) == (401, 401)
    assert wrong.content == unknown.content
    assert wrong.json()["type"] == "urn:ticket-marketplace:problem:wrong-credentials"
    assert "field" not in wrong.json()["errors"][0], "it must not show which of the two was wrong"
    its_own = {"x-correlation-id"}
    headers = [{k: v for k, v in answer.headers.items() if k not in its_own} for answer in (wrong, unknown)]
    assert headers[0] == headers[1]
    assert "set-cookie" not in wrong.headers


async def test_an_unknown_address_and_a_wrong_password_take_the_same_time(client: httpx.AsyncClient) -> None:
    """Most of the time goes into verifying the password. Without it, the answer takes a fifth of the time."""
    times: dict[str, list[float]] = {KNOWN: [], UNKNOWN: []}
    for _ in range(15):
        for email, taken in times.items():  # in turns, so that other load of this machine affects both
            begin = time.perf_counter()
            assert (await sign_in(client, email, "wrong password")).status_code == 401
            taken.append(time.perf_counter() - begin)
    ratio = statistics.median(times[UNKNOWN]) / statistics.median(times[KNOWN])
    assert 0.6 < ratio < 1.7, f"the unknown address takes {ratio:.2f} times as long"
