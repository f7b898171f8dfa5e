"""What every page needs to know of a request: who reads, and what this person has just done."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Cookie, Depends, Request
from fastapi.responses import HTMLResponse

from common.domain.errors import DependencyUnavailable, NotFound
from common.domain.tokens import SignedInUser
from common.http.authentication import UserIfSignedIn
from storefront.seen import COOKIE, ids_that_are_late
from storefront.service import StorefrontService
from storefront.site import CurrentSite, Site, Storefront


class NotHereYet(DependencyUnavailable):
    """The person has just made what this page is about, and its event has not arrived yet."""

    code = "not-here-yet"
    title = "The shop is a little late"


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
    request: Request,
    storefront: Storefront,
    site: CurrentSite,
    user: UserIfSignedIn,
    seen: Annotated[str, Cookie(alias=COOKIE)] = "",
) -> AsyncIterator[Visit]:
    position = site.hub.position
    late = await ids_that_are_late(storefront, seen) if seen else set()
    try:
        yield Visit(storefront, site, user, position, bool(late))
    except NotFound:
        if late.isdisjoint(request.path_params.values()):
            raise
        raise NotHereYet("Your change is saved. This page cannot show it yet; it will in a moment.") from None


CurrentVisit = Annotated[Visit, Depends(_visit)]
