"""What the routes of the pages need beside the use cases: the renderer, and those who look at open pages."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from common.domain.clock import Clock
from common.http.dependencies import use_cases
from storefront.live.hub import Hub
from storefront.platform.audience import Audience
from storefront.rendering import Renderer
from storefront.service import StorefrontService


@dataclass(frozen=True)
class Site:
    renderer: Renderer
    hub: Hub
    audience: Audience
    clock: Clock


async def _site_of(request: Request) -> Site:
    site: Site = request.app.state.site
    return site


CurrentSite = Annotated[Site, Depends(_site_of)]
Storefront = Annotated[StorefrontService, Depends(use_cases(StorefrontService))]
