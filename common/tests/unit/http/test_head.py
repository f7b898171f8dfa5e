"""HEAD is answered wherever GET is: the same status and headers, and no body."""

import re
from typing import Any

import httpx
from common.tests.services import SOME_ID, ServiceUnderTest
from fastapi import FastAPI
from starlette.types import Message, Receive, Scope, Send

DIFFERENT_EACH_TIME = {"x-correlation-id"}


class Recorder:
    """Passes all requests to the application, and counts the bytes of the body that the application sends."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self.body_bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def count(message: Message) -> None:
            self.body_bytes += len(message.get("body", b""))
            await send(message)

        await self._app(scope, receive, count)


def headers_of(answer: httpx.Response) -> dict[str, str]:
    different = DIFFERENT_EACH_TIME | ({"content-length"} if answer.url.path == "/metrics" else set())
    return {name: value for name, value in answer.headers.items() if name not in different}


async def get_paths(service: ServiceUnderTest, client: httpx.AsyncClient) -> list[str]:
    """The paths of all GET routes of the service, of its documentation, and one that does not exist."""
    docs = f"/api/docs/{service.spec.name}"
    document: dict[str, Any] = (await client.get(f"{docs}/openapi.json")).json()
    of_api = [path for path, methods in document["paths"].items() if "get" in methods]
    # A request with an unknown parameter is refused before the service reads anything from its database.
    refused = [re.sub(r"{\w+}", SOME_ID, path) + "?unknown=1" for path in of_api]
    assets = re.findall(rf"{docs}/assets/[^\"]+", (await client.get(docs)).text)
    pages = [path for path in service.spec.exact_routes if path.startswith("/api")]
    of_every_service = ["/healthz/live", "/healthz/ready", "/metrics", docs, f"{docs}/openapi.json", "/nothing"]
    return [*of_every_service, *assets, *pages, *refused]


async def test_head_gets_the_answer_to_get_without_its_body(
    service: ServiceUnderTest, app: FastAPI, client: httpx.AsyncClient
) -> None:
    recorder = Recorder(app)
    transport = httpx.ASGITransport(recorder, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as heading:
        for path in await get_paths(service, client):
            got, head = await client.get(path), await heading.head(path)
            assert head.status_code == got.status_code, path
            assert headers_of(head) == headers_of(got), path
            assert recorder.body_bytes == 0, path
