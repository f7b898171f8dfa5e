"""The pages of a buyer: their orders, and one order with what happened to it."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from common.domain.errors import DependencyUnavailable
from common.domain.ids import OrderId
from storefront.order_story import cancelled_sentence, more_time, steps_of
from storefront.pages.visit import CurrentVisit

router = APIRouter()


@router.get("/orders")
async def show_orders(visit: CurrentVisit, after: str = "") -> HTMLResponse:
    if visit.user is None:
        return visit.page("sign_in_first.html", heading="My orders", what="see your orders")
    purchases, next_cursor = await visit.storefront.list_purchases(visit.user.id, before=after or None)
    return visit.page("orders.html", purchases=purchases, next_cursor=next_cursor, after=after)


@router.get("/orders/{order_id}")
async def show_order(order_id: OrderId, visit: CurrentVisit) -> HTMLResponse:
    if visit.user is None:
        return visit.page("sign_in_first.html", heading="Your order", what="see this order")
    purchase = await visit.storefront.find_purchase(order_id, by=visit.user.id)
    try:
        events = await visit.storefront.read_timeline(purchase)
    except DependencyUnavailable:
        events = None  # the page shows the order all the same
    return visit.page(
        "order.html",
        headers=visit.site.renderer.card_form_headers,
        order=purchase.order,
        payment=purchase.payment,
        ticket=purchase.ticket,
        steps=None if events is None else steps_of(events),
        more_time=more_time(events or []),
        cancelled_sentence=cancelled_sentence(purchase.order.cancel_reason),
    )
