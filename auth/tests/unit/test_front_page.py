"""The page at the gateway's root."""

import re

import httpx
from auth.front_page import front_page
from fastapi import FastAPI

from marketplace.registry import SERVICE_NAMES


async def test_the_front_page_links_all_api_docs_and_loads_nothing_from_other_sites() -> None:
    app = FastAPI()
    app.include_router(front_page)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client:
        answer = await client.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    links = re.findall(r"(?:href|src)=\"([^\"]+)\"", answer.text)
    assert set(links) == {f"/api/docs/{each}{end}" for each in SERVICE_NAMES for end in ("", "/openapi.json")}
    assert "//" not in answer.text.replace("<!--", "")
