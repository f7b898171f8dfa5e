"""Repeats a request until it has an answer that counts, as a client does that must not lose its change."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx

from faults.context import Person
from faults.scenario import require

_MOST_TRIES = 60
_PAUSE_SECONDS = 0.2
_IN_FLIGHT = "urn:ticket-marketplace:problem:request-in-flight"


async def request_patiently(
    person: Person, method: str, path: str, *, json: dict[str, Any] | None = None
) -> httpx.Response:
    """Repeat the request until it is answered.

    A 404 is repeated: between crashes, an event may take longer than the second that a service waits for it.
    """
    headers = {"Idempotency-Key": str(uuid4())}
    for _ in range(_MOST_TRIES):
        answer = await person.request_with_retries(method, path, json=json, headers=headers)
        if answer.status_code != httpx.codes.NOT_FOUND and not _is_in_flight(answer):
            break
        headers = headers if _is_in_flight(answer) else {"Idempotency-Key": str(uuid4())}
        await asyncio.sleep(_PAUSE_SECONDS)
    require(answer.status_code < 500, f"{method} {path}: {answer.status_code} {answer.text}")
    return answer


def _is_in_flight(answer: httpx.Response) -> bool:
    return answer.status_code == httpx.codes.CONFLICT and answer.json()["type"] == _IN_FLIGHT
