"""The real application of every service accepts the tokens that auth signed, and no others."""

import asyncio
from typing import Any

import httpx
import pytest
from common.tests.services import ServiceUnderTest

from devkit.testing.forged_tokens import EMAIL, USER_ID, forged_tokens, signed
from devkit.testing.keys import KeyPair
from devkit.testing.problem_details import assert_problem
from devkit.testing.running import RunningService

# The token is verified before the database is used, so one driver is enough.
pytestmark = pytest.mark.parametrize("driver", ["motor"])


def as_bearer(token: str) -> dict[bytes, bytes]:
    return {b"Authorization": b"Bearer " + token.encode("latin-1")}


def as_cookie(token: str) -> dict[bytes, bytes]:
    return {b"Cookie": b"session=" + token.encode("latin-1")}


async def test_a_token_that_auth_did_not_sign_is_refused(
    service: ServiceUnderTest, running: RunningService, keys: KeyPair
) -> None:
    client = running.client()
    forged = forged_tokens(keys) | {"empty": ""}
    attempts = {
        f"{name}, {way.__name__}": way(token) for name, token in forged.items() for way in (as_bearer, as_cookie)
    }
    attempts |= {
        "nothing": {},
        "no token": {b"Authorization": b"Bearer"},
        "Basic": {b"Authorization": b"Basic dXNlcjpwYXNz"},
    }
    for name, headers in attempts.items():
        for each in service.requests.need_a_user:
            answer = await client.request(each.method, each.path, json=each.json, headers=headers)
            assert_problem(answer, 401, f"{each.method} {each.path} with: {name}")
        if service.spec.name == "auth":
            assert await current_user(client, headers) is None, name


async def test_a_token_of_auth_is_accepted(service: ServiceUnderTest, running: RunningService, keys: KeyPair) -> None:
    """Otherwise the refusals would prove nothing. Of two tokens, the bearer token has precedence."""
    client = running.client()
    ways = [as_bearer(signed(keys)), as_cookie(signed(keys)), as_bearer(signed(keys)) | as_cookie("garbage")]
    for each in service.requests.need_a_user[:1]:
        answers = [client.request(each.method, each.path, json=each.json, headers=headers) for headers in ways]
        for answer in await asyncio.gather(*answers):
            assert answer.status_code in {200, 201, 404}, answer.text  # 404: there is no such order
    if service.spec.name == "auth":
        for headers in ways:
            assert await current_user(client, headers) == {"id": USER_ID, "email": EMAIL}


async def current_user(client: httpx.AsyncClient, headers: dict[bytes, bytes]) -> Any:
    answer = await client.get("/api/users/currentuser", headers=headers)
    assert answer.status_code == 200, answer.text
    assert set(answer.json()) == {"currentUser"}
    return answer.json()["currentUser"]
