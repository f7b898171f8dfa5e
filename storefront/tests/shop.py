"""Reads the pages of a running storefront as a browser does, and tells it events."""

import re
from dataclasses import dataclass

import httpx

from common.domain.event import Event
from common.domain.ids import UserId
from common.domain.tokens import SignedInUser
from devkit.testing.running import RunningService
from storefront.consumers import CONSUMERS

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
PROGRAM = "application/json"
_CARD = re.compile(r'data-ticket="(\w+)" data-v="\d+" data-state="([\w-]+)"')


@dataclass(frozen=True)
class Shop:
    running: RunningService
    client: httpx.AsyncClient

    async def follow(self, *events: Event) -> None:
        """Let the handlers of storefront handle the events, in this order."""
        for event in events:
            for consumer in CONSUMERS:
                if type(event) in consumer.on:
                    await consumer.handle(self.running.use_cases, event)

    async def get(
        self, path: str, user: UserId | None = None, *, session: str = "", seen: str = "", accept: str = BROWSER
    ) -> httpx.Response:
        """Ask for a page, with the cookies that a browser would send."""
        if user is not None:
            session = self.running.signer.sign(SignedInUser(user, "buyer@example.com"))
        cookies = {"session": session, "seen": seen}
        cookie = "; ".join(f"{name}={value}" for name, value in cookies.items() if value)
        headers = {"Accept": accept} | ({"Cookie": cookie} if cookie else {})
        return await self.client.get(path, headers=headers)

    async def states(self, path: str = "/?show=all") -> dict[str, str]:
        """Return the ids of the tickets on a page, in their order, with what the page says about each of them."""
        answer = await self.get(path)
        assert answer.status_code == 200, answer.text
        return dict(_CARD.findall(answer.text))

    async def listed(self, path: str = "/") -> list[str]:
        return list(await self.states(path))


def next_page(answer: httpx.Response) -> str:
    """Return the address of the next page, or an empty text on the last page."""
    found = re.search(r'rel="next" href="([^"]+)"', answer.text)
    return found[1].replace("&amp;", "&") if found else ""
