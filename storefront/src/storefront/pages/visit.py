"""What every page needs to know of a request: who reads, and what this person has just done."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Cookie, Depends
from fastapi.responses import HTMLResponse

from common.domain.tokens import SignedInUser
from common.http.authentication import UserIfSignedIn
from storefront.seen import COOKIE, is_up_to_date
from storefront.service import StorefrontService
from storefront.site import CurrentSite, Site, Storefront


@dataclass(frozen=True)
class Visit:
    storefront: StorefrontService
    site: Site
    user: SignedInUser | None
    position: int
    """The place in the event stream up to which the copies were current before the page read them."""
    is_late: bool
    """True if the copies do not have yet what this person has just done."""

    def page(self, template: str, **values: Any) -> HTMLResponse:  # noqa: ANN401 - whatever this template shows
        return self.site.renderer.page(template, self.user, self.position, is_late=self.is_late, **values)


async def _visit(
    storefront: Storefront,
    site: CurrentSite,
    user: UserIfSignedIn,
    seen: Annotated[str, Cookie(alias=COOKIE)] = "",
) -> Visit:
    position = site.hub.position
    is_late = bool(seen) and not await is_up_to_date(storefront, seen)
    return Visit(storefront, site, user, position, is_late)


CurrentVisit = Annotated[Visit, Depends(_visit)]
