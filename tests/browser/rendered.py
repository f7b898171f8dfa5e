"""Pages in states that a test reaches only with long work, for example a refund. RENDERED maps names to pages."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi.responses import HTMLResponse

from common.domain.clock import utc_now
from common.domain.ids import OrderId, TicketId, UserId
from common.domain.tokens import SignedInUser
from devkit.testing.in_memory import unconnected_broker
from storefront.catching_up import CatchingUp
from storefront.listing_query import ListingQuery
from storefront.offer import Availability, Offer
from storefront.order_read_model import OrderReadModel, OrderStatus
from storefront.order_story import Step, cancelled_sentence
from storefront.payment_read_model import PaymentReadModel
from storefront.rendering import Renderer
from storefront.service import Listing
from storefront.ticket_read_model import TicketReadModel

_ID = "65f0c0ffee00000000000020"
_BUYER = SignedInUser(id=UserId(_ID), email="a-buyer-with-a-rather-long-address@mail.example.com")
_SOON = datetime.now(UTC) + timedelta(minutes=14)
_TICKET = TicketReadModel(
    id=_ID,
    version=1,
    title="Swan Lake",
    price=1990,
    user_id=UserId(_ID),
    order_id=None,
    on_sale=True,
    withdrawn=False,
    words=[],
)


def open_order(seconds: float) -> HTMLResponse:
    """The page of an open order that expires after so many seconds."""
    return _order(OrderStatus.OPEN, reason="expired", expires_at=datetime.now(UTC) + timedelta(seconds=seconds))


def card_form(order_id: str) -> HTMLResponse:
    """The page of an open order in a shop that has a key of Stripe."""
    return _order(OrderStatus.OPEN, id=order_id, stripe_key="pk_test_1")


def listed(**facts: Any) -> HTMLResponse:
    """The page of a ticket that an older version has listed, with facts that the API does not accept any more."""
    return _page("ticket.html", offer=Offer(_TICKET.model_copy(update=facts), Availability.OVER))


def _order(
    status: OrderStatus,
    payment: bool | None = None,
    *,
    reason: str | None = None,
    stripe_key: str | None = None,
    **more: Any,
) -> HTMLResponse:
    """`payment`: there is none, or whether it is refunded. `more` are other fields of the order."""
    values: dict[str, Any] = {"id": _ID, "expires_at": _SOON, **more}
    order = OrderReadModel(
        version=1,
        user_id=_BUYER.id,
        ticket_id=TicketId(_ID),
        title="Swan Lake",
        price=1990,
        status=status,
        is_live=status is not OrderStatus.CANCELLED,
        extensions_left=3,
        cancel_reason=reason,
        **values,
    )
    paid = PaymentReadModel(
        id=_ID, version=1, order_id=OrderId(_ID), user_id=_BUYER.id, amount=1990, is_refunded=bool(payment)
    )
    sentences = {"order.created": "You ordered the ticket.", "order.cancelled": cancelled_sentence(reason)}
    return _page(
        "order.html",
        order=order,
        payment=None if payment is None else paid,
        ticket=_TICKET,
        steps=[Step(event, sentence, utc_now()) for event, sentence in sentences.items()] if reason else None,
        cancelled_sentence=cancelled_sentence(reason),
        more_time="15 more minutes",
        stripe_key=stripe_key,
    )


def _error(status: int, title: str, detail: str, advice: str) -> HTMLResponse:
    problem = {"status": status, "title": title, "detail": detail}
    return _page("error.html", status, problem=problem, advice=advice)


def _page(
    template: str,
    status_code: int = 200,
    *,
    is_late: bool = False,
    percent: int | None = None,
    stripe_key: str | None = None,
    **values: Any,
) -> HTMLResponse:
    catching_up = CatchingUp(unconnected_broker(), ())
    catching_up.percent = percent
    renderer = Renderer(utc_now, catching_up, stripe_key)
    headers = renderer.card_form_headers
    return renderer.page(template, _BUYER, is_late=is_late, status_code=status_code, headers=headers, **values)


RENDERED: dict[str, Callable[[], HTMLResponse]] = {
    "list empty": lambda: _page("tickets.html", query=ListingQuery(), listing=Listing([], "")),
    "list that is late": lambda: _page("tickets.html", is_late=True, query=ListingQuery(), listing=Listing([], "")),
    "ticket withdrawn": lambda: _page("ticket.html", offer=Offer(_TICKET, Availability.WITHDRAWN)),
    "list that is incomplete": lambda: _page("tickets.html", percent=42, query=ListingQuery(), listing=Listing([], "")),
    "ticket over": lambda: _page("ticket.html", offer=Offer(_TICKET, Availability.OVER)),
    "order whose time is over": lambda: open_order(seconds=-1),
    "order with a payment": lambda: _order(OrderStatus.OPEN, payment=False),
    "order expired": lambda: _order(OrderStatus.CANCELLED, reason="expired"),
    "order being refunded": lambda: _order(OrderStatus.CANCELLED, payment=False, reason="expired"),
    "order refunded": lambda: _order(OrderStatus.CANCELLED, payment=True, reason="withdrawn"),
    "shop does not answer": lambda: _error(
        503, "Service unavailable", "The database does not answer. Try again in a moment.", "This page tries again."
    ),
}
