"""The page that links the documentation of every API."""

import re

import httpx
from fastapi import FastAPI

from auth.api_index import api_index
from marketplace.registry import SERVICE_NAMES


async def test_the_api_index_links_all_api_docs_and_loads_nothing_from_other_sites() -> None:
    app = FastAPI()
    app.include_router(api_index)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client:
        answer = await client.get("/api/docs")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    links = re.findall(r"(?:href|src)=\"([^\"]+)\"", answer.text)
    assert set(links) == {"/"} | {f"/api/docs/{each}{end}" for each in SERVICE_NAMES for end in ("", "/openapi.json")}
    assert "//" not in answer.text.replace("<!--", "")
