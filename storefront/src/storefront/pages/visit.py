"""What every page needs to know of a request: who reads, and what this person has just done."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Cookie, Depends, Request
from fastapi.responses import HTMLResponse

from common.domain.errors import DependencyUnavailable, NotFound
from common.domain.tokens import SignedInUser
from common.http.authentication import UserIfSignedIn
from storefront.seen import COOKIE, ids_that_are_late, made_lately
from storefront.service import StorefrontService
from storefront.site import CurrentSite, Site, Storefront

_SAVED = "Your change is saved. This page cannot show it yet; it will in a moment."
_PERHAPS = "If it is new, this page shows it in a moment."


class NotHereYet(DependencyUnavailable):
    """What this page is about has just been made, or may have been, and its event has not arrived yet.

    Programs get this 503, too: they may repeat the request. A 404 would say that nothing of this id exists.
    """

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
    late = await ids_that_are_late(storefront, seen, made_lately(request.path_params, site.clock()))
    own = {key for key in late if key in seen}
    try:
        yield Visit(storefront, site, user, position, is_late=bool(own))
    except NotFound:
        asked = request.path_params.values()
        if late.isdisjoint(asked):
            raise
        is_saved = not own.isdisjoint(asked)
        raise NotHereYet(_SAVED if is_saved else _PERHAPS) from None


CurrentVisit = Annotated[Visit, Depends(_visit)]
