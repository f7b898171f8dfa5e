"""What every page needs to know of a request: who reads, and what this person has just done."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Cookie, Depends
from fastapi.responses import HTMLResponse

from common.domain.tokens import SignedInUser
from common.http.authentication import UserIfSignedIn
from common.http.dependencies import use_cases
from storefront.seen import COOKIE, is_up_to_date
from storefront.shop import Shop
from storefront.site import Site


@dataclass(frozen=True)
class Visit:
    site: Site
    user: SignedInUser | None
    position: int
    """The place in the event stream up to which the copies were current before the page read them."""
    is_late: bool
    """True if the copies do not have yet what this person has just done."""

    @property
    def shop(self) -> Shop:
        return self.site.shop

    def page(self, template: str, **values: Any) -> HTMLResponse:  # noqa: ANN401 - whatever this template shows
        return self.site.renderer.page(template, self.user, self.position, is_late=self.is_late, **values)


async def _visit(
    site: Annotated[Site, Depends(use_cases(Site))],
    user: UserIfSignedIn,
    seen: Annotated[str, Cookie(alias=COOKIE)] = "",
) -> Visit:
    position = site.hub.position
    is_late = bool(seen) and not await is_up_to_date(site.shop.copies, seen)
    return Visit(site, user, position, is_late)


CurrentVisit = Annotated[Visit, Depends(_visit)]
