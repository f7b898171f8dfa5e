"""An open page of the shop: it does over HTTP what the scripts of a page do in a browser.

It follows live.js (connections and their ends), fresh.js (loading the content again) and tickets.js (changes).
"""

import asyncio
import json
import re
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import httpx

from faults.live_truth import PRICE, STATE, Fact

_BROWSER_RETRY_SECONDS = 0.5
"""The storefront asks for it (`retry: 500`)."""
_RETRY_SECONDS = 0.6
"""The longest time that the scripts wait (`retryPause`)."""
_AMOUNT = re.compile(r"[0-9.,]+")


@dataclass(frozen=True)
class Shown:
    """A value that the page shows from now on. A load has asked for it at `asked`, a live change has not."""

    value: str
    at: float
    asked: float | None = None


@dataclass
class _Place:
    """An element with `data-ticket`."""

    state: str
    v: int
    price: str = ""


class _Content(HTMLParser):
    """Finds what the scripts read: `data-position`, and each place of a ticket with its price."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.position = "0"
        self.places: dict[str, _Place] = {}
        self._place: _Place | None = None
        self._is_price = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "body":
            self.position = found["data-position"]
        if "data-ticket" in found:
            self._place = self.places[found["data-ticket"]] = _Place(found["data-state"], int(found["data-v"]))
        self._is_price = "data-price-text" in found

    def handle_data(self, data: str) -> None:
        if self._is_price and self._place and not self._place.price:
            self._place.price = _amount(data)
        self._is_price = False


def _amount(price: str) -> str:
    found = _AMOUNT.search(price)
    return found.group().replace(",", "") if found else price


class _NoAnswer(Exception):
    """The shop is unavailable."""


@dataclass
class LivePage:
    http: httpx.AsyncClient
    path: str
    shown: dict[Fact, list[Shown]] = field(default_factory=lambda: defaultdict(list))
    closed_at: float | None = None
    _places: dict[str, _Place] = field(default_factory=dict)
    _position: str = "0"
    _is_lost: bool = False
    _again: bool = False
    _loading: asyncio.Task[None] | None = None
    _arrived: list[dict[str, Any]] = field(default_factory=list)
    """What has changed during the load."""

    async def stay_open(self) -> None:
        """Load the page and follow its changes, until the task is cancelled. Return if the page was not answered."""
        try:
            if await self._open():
                await self._follow()
        finally:
            self.closed_at = time.monotonic()
            if self._loading:
                self._loading.cancel()

    async def _open(self) -> bool:
        asked = time.monotonic()
        try:
            content = await self._read(self.path)
        except (httpx.TransportError, _NoAnswer):
            await asyncio.sleep(_RETRY_SECONDS)
            return False
        self._places, self._position = content.places, content.position
        for ticket in self._places:
            self._show(ticket, asked)
        return True

    # live.js

    async def _follow(self) -> None:
        while True:
            since, last_id = self._position, ""
            while True:  # one EventSource: it connects again by itself, except after an answer that is an error
                headers = {"Last-Event-ID": last_id} if last_id else {}
                with suppress(httpx.TransportError):
                    async with self.http.stream(
                        "GET", "/live/events", params={"since": since}, headers=headers
                    ) as answer:
                        if answer.status_code != httpx.codes.OK:
                            break
                        self._connected()
                        async for event in _events(answer):
                            last_id = event.get("id", last_id)
                            self._position = last_id or self._position
                            self._receive(event)
                self._is_lost = True
                await asyncio.sleep(_BROWSER_RETRY_SECONDS)
            self._is_lost = True
            await asyncio.sleep(_RETRY_SECONDS)

    def _connected(self) -> None:
        if self._is_lost:
            self._refresh()
        self._is_lost = False

    def _receive(self, event: dict[str, str]) -> None:
        if event.get("event") == "reset":
            self._refresh()
        elif event.get("event") == "ticket":
            change = json.loads(event["data"])
            if self._is_loading:
                self._arrived.append(change)
            self._apply(change)

    # tickets.js

    def _apply(self, change: dict[str, Any]) -> None:
        place = self._places.get(change["id"])
        if place and change["v"] >= place.v:
            place.v, place.state, place.price = change["v"], change["state"], _amount(change["price"])
            self._show(change["id"])

    # fresh.js

    @property
    def _is_loading(self) -> bool:
        return self._loading is not None and not self._loading.done()

    def _refresh(self) -> None:
        if self._is_loading:
            self._again = True
        else:
            self._loading = asyncio.create_task(self._load())

    async def _load(self) -> None:
        while True:
            self._again = False
            self._arrived.clear()
            asked = time.monotonic()
            try:
                places = (await self._read(self.path)).places
                if left := sorted(self._places.keys() - places.keys()):
                    places |= (await self._read("/tickets?" + "&".join(f"id={ticket}" for ticket in left))).places
            except (httpx.TransportError, _NoAnswer):
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            for ticket in self._places.keys() & places.keys():
                self._places[ticket] = places[ticket]
                self._show(ticket, asked)
            for change in self._arrived:
                self._apply(change)
            if not self._again:
                return

    async def _read(self, path: str) -> _Content:
        answer = await self.http.get(path, headers={"Accept": "text/html"})
        if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise _NoAnswer
        return _Content(answer.text)

    def _show(self, ticket: str, asked: float | None = None) -> None:
        place, at = self._places[ticket], time.monotonic()
        for what, value in ((STATE, place.state), (PRICE, place.price)):
            self.shown[ticket, what].append(Shown(value, at, asked))


async def _events(answer: httpx.Response) -> AsyncIterator[dict[str, str]]:
    event: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if not line:
            yield event
            event = {}
        else:
            name, _, value = line.partition(":")
            event[name] = value.removeprefix(" ")
