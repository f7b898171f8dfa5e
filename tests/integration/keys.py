"""Helpers for the tests of Idempotency-Keys."""

import httpx

from common.domain.ids import new_id
from devkit.testing.events import EventStreams
from devkit.testing.samples import listed_ticket


def with_key(key: str | None = None) -> dict[str, str]:
    return {"Idempotency-Key": key or f'"{new_id()}"'}


LISTING = {"title": "Concert", "price": 19.99}


def status_and_body(answer: httpx.Response) -> tuple[int, object]:
    return answer.status_code, answer.json()


async def a_ticket(streams: EventStreams) -> str:
    ticket = listed_ticket()
    await streams.publish(ticket)
    return ticket.id
