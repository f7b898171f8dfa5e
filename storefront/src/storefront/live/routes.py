"""The route through which an open page learns of changes: one answer without an end, as server-sent events."""

import asyncio
import re
from typing import Annotated

from fastapi import APIRouter, Header
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from common.domain.ids import UserId
from common.http.authentication import UserIfSignedIn
from common.http.middleware import EVENT_STREAM
from storefront.live.connection import Connection
from storefront.live.hub import Hub
from storefront.site import CurrentSite

router = APIRouter()

_POSITION = re.compile("[0-9]{1,18}")
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # nginx must not wait for more


class LiveChanges(Response):
    """Sends the changes after the position `since` until the connection ends.

    Starlette's StreamingResponse would need twice the memory. And if the client left very early, it would never run
    the code that disconnects from the hub.
    """

    def __init__(self, hub: Hub, reader: UserId | None, since: int | None) -> None:
        super().__init__(headers=_HEADERS, media_type=EVENT_STREAM)
        del self.headers["Content-Length"]
        self._hub = hub
        self._reader = reader
        self._since = since

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        connection = self._hub.connect(self._reader, self._since)
        leaving = asyncio.create_task(_close_when_client_leaves(receive, connection))
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            async for part in connection.read():
                await send({"type": "http.response.body", "body": part, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            self._hub.disconnect(connection)
            leaving.cancel()


@router.get("/live/events")
async def live_events(
    site: CurrentSite,
    user: UserIfSignedIn,
    since: str = "",
    last_event_id: Annotated[str, Header()] = "",
) -> LiveChanges:
    """Send the changes after the `id` of the last event that the browser has received.

    A browser that connects for the first time sends the position at which the page was read, in `since`.
    """
    resumes_at = _position(last_event_id)
    if resumes_at is None:
        resumes_at = _position(since)
    return LiveChanges(site.hub, user.id if user else None, resumes_at)


def _position(text: str) -> int | None:
    """Return the position in this text, or None if the text is something else."""
    return int(text) if _POSITION.fullmatch(text) else None


async def _close_when_client_leaves(receive: Receive, connection: Connection) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    connection.close()
