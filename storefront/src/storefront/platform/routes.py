"""The page /live, which draws the platform, and its live events. Both exist only if the setting `live_page` is true."""

import re
from collections.abc import AsyncIterator
from functools import cache

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, StreamingResponse

from common.domain.errors import DependencyUnavailable
from common.domain.ids import ID_PATTERN
from common.http.middleware import EVENT_STREAM
from storefront.pages.visit import CurrentVisit
from storefront.platform.audience import Audience, Viewer
from storefront.platform.drawing import Drawing, draw_narrow, draw_wide
from storefront.platform.history import HistoryStep, read_steps
from storefront.platform.topology import read_topology
from storefront.service import StorefrontService
from storefront.site import CurrentSite

router = APIRouter()


@router.get("/live")
async def show_platform(visit: CurrentVisit, id: str = "") -> HTMLResponse:  # noqa: A002 - its name in the address
    """Show the platform, and the events of the aggregate with this id. Without JavaScript, it is a plain page."""
    wanted = id.strip().lower()
    is_id = re.fullmatch(ID_PATTERN, wanted) is not None
    return visit.page(
        "live.html",
        topology=read_topology(),
        drawings=_drawings(),
        wanted=wanted[:100],
        is_id=is_id,
        steps=await _history(visit.storefront, wanted) if is_id else [],
    )


@cache
def _drawings() -> tuple[Drawing, ...]:
    topology = read_topology()
    return draw_wide(topology), draw_narrow(topology)


async def _history(storefront: StorefrontService, aggregate_id: str) -> list[HistoryStep] | None:
    try:
        return await read_steps(storefront, aggregate_id)
    except DependencyUnavailable:
        return None


@router.get("/live/platform")
async def platform_events(site: CurrentSite) -> StreamingResponse:
    viewer = site.audience.enter()
    return StreamingResponse(
        _read(site.audience, viewer),
        media_type=EVENT_STREAM,
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},  # nginx must not wait for more
    )


async def _read(audience: Audience, viewer: Viewer) -> AsyncIterator[bytes]:
    try:
        async for part in viewer.read():
            yield part
    finally:
        audience.leave(viewer)
