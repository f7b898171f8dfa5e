"""Broken and malicious requests, sent to the real application of every service: each is answered with a problem."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping

import httpx
import pytest
from common.tests.services import CREATING, ServiceUnderTest

from common.messaging.streams import STREAMS
from devkit.testing.events import EventStreams
from devkit.testing.problem_details import assert_problem
from devkit.testing.running import RunningService, somebody

# Refused requests never reach the database, so one driver is enough.
pytestmark = [pytest.mark.parametrize("driver", ["motor"]), pytest.mark.parametrize("service", CREATING, ids=str)]

JSON = {"Content-Type": "application/json"}
TEN_MEGABYTES = 10 * 1024 * 1024
TOO_MUCH = 64 * 1024 + 1
FIVE_THOUSAND_DIGITS = "9" * 5000

NO_VALUES = ["NaN", "Infinity", "-Infinity", "1e400", "-1e400", FIVE_THOUSAND_DIGITS, r'"\ud800"', "null", "{}", "[]"]
"""JSON texts that no field of any service accepts. Python's parser accepts even the first three."""

JUNK_IDS = ["%00", "%ff%fe", "%0a", "%20", "65F0C0FFEE00000000000010", "65f0c0ffee00000000000010%0a", "a" * 5000, "'"]


@pytest.fixture
def client(running: RunningService) -> httpx.AsyncClient:
    return running.client(somebody())


def with_value(body: Mapping[str, object], name: str, value: str) -> bytes:
    """The body as JSON, with this text as the value of the field."""
    fields = {**{key: json.dumps(each) for key, each in body.items()}, name: value}
    return ("{" + ", ".join(f"{json.dumps(key)}: {text}" for key, text in fields.items()) + "}").encode()


def unreadable_bodies() -> Iterator[tuple[str, bytes]]:
    yield "no body", b""
    yield "broken JSON", b'{"title": '
    yield "two values", b"{} {}"
    yield "bytes that are no UTF-8", b'{"title": "\xff"}'
    yield "an array nested 30,000 deep", b"[" * 30_000 + b"]" * 30_000
    yield "objects nested 9,000 deep", b'{"a":' * 9_000 + b"1" + b"}" * 9_000
    for text in ["[]", "[{}]", "1", '"text"', "true", *NO_VALUES]:
        yield f"{text[:20]} in place of an object", text.encode()


def invalid_bodies(service: ServiceUnderTest) -> Iterator[tuple[str, bytes]]:
    yield "no field at all", b"{}"
    yield "a field of no known name", with_value(service.requests.body, "unknown", "1")
    yield (
        "a field whose name is half a character",
        with_value(service.requests.body, "unknown", "1").replace(b"unkn", rb"\ud800"),
    )
    yield "a field whose name is 60,000 characters long", with_value(service.requests.body, "a" * 60_000, "1")
    yield "3,000 unknown fields", json.dumps({f"field{n}": 1 for n in range(3000)}).encode()
    if service.spec.name == "orders":
        for text in ['"60"', "true", "60.0", "1e1", "0", "-1", "86401"]:  # only looks like a number of seconds
            yield f"windowSeconds: {text}", with_value(service.requests.body, "windowSeconds", text)
    for name in service.requests.body:
        for text in NO_VALUES:
            yield f"{name}: {text[:20]}", with_value(service.requests.body, name, text)
        yield (
            f"a wrong {name} after a right one",
            with_value(service.requests.body, name, "null").replace(
                b"{", b'{"%s": %s, ' % (name.encode(), json.dumps(service.requests.body[name]).encode()), 1
            ),
        )


async def assert_nothing_stored(running: RunningService, streams: EventStreams) -> None:
    database = running.runtime.mongo.database
    for name in await database.list_collection_names():  # type: ignore[attr-defined] # both drivers have it
        assert await database[name].count_documents({}) == 0, name
    for stream in STREAMS:
        assert (await streams.broker.jetstream.stream_info(stream.name)).state.messages == 0, stream.name


async def test_an_invalid_body_is_refused_and_nothing_is_stored(
    service: ServiceUnderTest, running: RunningService, client: httpx.AsyncClient, streams: EventStreams
) -> None:
    for what, content in [*unreadable_bodies(), *invalid_bodies(service)]:
        problem = assert_problem(
            await client.post(service.requests.creates_at, content=content, headers=JSON), 422, what
        )
        assert all(len(line.get("field", "")) <= 100 for line in problem["errors"]), what
        assert len(problem["errors"]) <= 20, what
    await assert_nothing_stored(running, streams)


async def test_a_body_above_64_kib_is_refused_before_all_of_it_is_read(
    service: ServiceUnderTest, running: RunningService, client: httpx.AsyncClient, streams: EventStreams
) -> None:
    sent = 0

    async def in_chunks(total: int) -> AsyncIterator[bytes]:
        nonlocal sent
        sent = 0
        while sent < total:
            sent += 16 * 1024
            yield b" " * 16 * 1024

    padded = json.dumps(service.requests.body).encode().ljust(TOO_MUCH)
    contents: list[tuple[str, bytes | AsyncIterator[bytes]]] = [
        ("10 MB", b" " * TEN_MEGABYTES),
        ("10 MB in chunks, of unknown length", in_chunks(TEN_MEGABYTES)),
        ("an array nested 100,000 deep", b"[" * 100_000),
        ("one byte more than 64 KiB", padded),
    ]
    for what, content in contents:
        assert_problem(await client.post(service.requests.creates_at, content=content, headers=JSON), 413, what)
    assert sent <= 2 * TOO_MUCH, "the other chunks must not be read"

    # The HTTP server refuses a wrong length. If it ever does not, the bytes are counted.
    for length in ["1", "-1", "\u00b2", "+5", "1e9", "0"]:
        lying = {b"Content-Type": b"application/json", b"Content-Length": length.encode("latin-1")}
        answer = await client.post(service.requests.creates_at, content=padded, headers=lying)
        assert_problem(answer, 413, f"Content-Length: {length}")
    await assert_nothing_stored(running, streams)


async def test_a_body_that_is_not_declared_as_json_is_refused(
    service: ServiceUnderTest, running: RunningService, client: httpx.AsyncClient, streams: EventStreams
) -> None:
    content = json.dumps(service.requests.body).encode()
    types = ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonx"]
    for declared in [*({"Content-Type": each} for each in types), {}]:
        answer = await client.post(service.requests.creates_at, content=content, headers=declared)
        assert_problem(answer, 415, str(declared))
    await assert_nothing_stored(running, streams)


async def test_an_unknown_query_parameter_is_refused(
    service: ServiceUnderTest, running: RunningService, client: httpx.AsyncClient, streams: EventStreams
) -> None:
    for query in ["limits=1", "Limit=1", "%ed%a0%80=1", "%00=", "a" * 5000, "=1", "__proto__=1"]:
        answer = await client.post(f"{service.requests.creates_at}?{query}", json=service.requests.body)
        assert_problem(answer, 422, f"POST ?{query[:30]}")
        if service.requests.read.method == "GET":
            path = service.requests.read.path + ("&" if "?" in service.requests.read.path else "?") + query
            assert_problem(await client.get(path), 422, f"GET ?{query[:30]}")
    await assert_nothing_stored(running, streams)


async def test_an_invalid_value_of_a_query_parameter_is_refused(
    service: ServiceUnderTest, client: httpx.AsyncClient
) -> None:
    for name in service.requests.query_parameters:
        for value in ["", "x", "0", "-1", "101", "1.5", FIVE_THOUSAND_DIGITS, "NaN", *JUNK_IDS]:
            answer = await client.get(f"{service.requests.creates_at}?{name}={value}")
            assert_problem(answer, 422, f"{name}={value[:30]}")


async def test_a_malformed_id_is_refused(service: ServiceUnderTest, client: httpx.AsyncClient) -> None:
    has_ids = ("GET", f"{service.requests.creates_at}/{{}}") in service.requests.answers
    for junk in JUNK_IDS:
        answer = await client.get(f"{service.requests.creates_at}/{junk}")
        assert_problem(answer, 422 if has_ids else 404, f"the id {junk[:30]}")
    for below in ["..%2f..%2fetc%2fpasswd", f"{JUNK_IDS[0]}/{JUNK_IDS[0]}/{JUNK_IDS[0]}"]:
        assert_problem(await client.get(f"{service.requests.creates_at}/{below}"), 404, below)


async def test_the_same_requests_without_the_mistake_are_accepted(
    service: ServiceUnderTest, client: httpx.AsyncClient
) -> None:
    """Otherwise the refusals above would prove nothing. Of a key that occurs twice, the last value is used."""
    name, value = next(iter(service.requests.body.items()))
    twice = with_value(service.requests.body, name, json.dumps(value)).replace(
        b"{", b'{"%s": null, ' % name.encode(), 1
    )
    right = json.dumps(service.requests.body).encode()
    answers = await asyncio.gather(
        *(
            client.post(service.requests.creates_at, content=body, headers=JSON)
            for body in (right, right.ljust(TOO_MUCH - 1), twice)
        )
    )
    # 404: the ticket or the order does not exist. 409: an earlier request has used the e-mail address.
    expected = {"tickets": [201, 201, 201], "auth": [201, 409, 409]}.get(service.spec.name, [404, 404, 404])
    assert sorted(answer.status_code for answer in answers) == expected, [answer.text for answer in answers]
