"""The pages of a seller: list a ticket, and see one's own listings and sales."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from storefront.pages.visit import CurrentVisit

router = APIRouter()


@router.get("/sell")
async def show_sell_form(visit: CurrentVisit) -> HTMLResponse:
    return visit.page("sell.html")


@router.get("/selling")
async def show_listings(visit: CurrentVisit, after: str = "", ticket: str = "") -> HTMLResponse:
    """Show a page of the reader's own listings: the newest, those after a ticket, or those from a ticket on."""
    if visit.user is None:
        return visit.page("sign_in_first.html", heading="My listings", what="see what you sell")
    listing = await visit.storefront.list_of_seller(visit.user.id, before=after or None, first=ticket or None)
    sales = await visit.storefront.sales_of(visit.user.id)
    return visit.page("selling.html", listing=listing, sales=sales, is_later=bool(after or ticket))
