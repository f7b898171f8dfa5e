"""The route through which an open page learns of changes: one answer without an end, as server-sent events."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse

from common.http.authentication import UserIfSignedIn
from common.http.middleware import EVENT_STREAM
from storefront.live.hub import Connection, Hub
from storefront.site import CurrentSite

router = APIRouter()

Position = Annotated[int | None, Query(ge=0, le=2**63 - 1, description="The position at which the page was read.")]
LastEventId = Annotated[str | None, Header(description="The `id` of the last event that the browser has received.")]


@router.get("/live/events")
async def live_events(
    site: CurrentSite,
    user: UserIfSignedIn,
    since: Position = None,
    last_event_id: LastEventId = None,
) -> StreamingResponse:
    resumes_at = int(last_event_id[:18]) if last_event_id and last_event_id.isdecimal() else since
    connection = site.hub.connect(user.id if user else None, resumes_at)
    return StreamingResponse(
        _read(site.hub, connection),
        media_type=EVENT_STREAM,
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},  # nginx must not wait for more
    )


async def _read(hub: Hub, connection: Connection) -> AsyncIterator[bytes]:
    try:
        async for part in connection.read():
            yield part
    finally:
        hub.disconnect(connection)
