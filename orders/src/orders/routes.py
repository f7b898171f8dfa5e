"""The HTTP routes of the orders service. Each route parses the request, calls one use case, and returns the answer."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, status

from common.domain.errors import KeyReused, NotFound, NotSignedIn, VersionConflict
from common.domain.ids import OrderId, WellFormed
from common.http.authentication import CurrentUser
from common.http.dependencies import REQUIRES_BROKER, use_cases
from common.http.idempotent_requests import RequestInFlight
from common.http.idempotent_route import CurrentRequestKey, IdempotentRoute
from common.http.problems import problems
from common.http.schemas import PageCursor, PageLimit
from orders.order import NoExtensionsLeft, NotTheBuyer, OrderNotOpen
from orders.repository import AlreadyOrdered, TicketNotAvailable
from orders.schemas import ExtensionIn, OrderIn, OrderOut, OrderPage, Timeline, TimelineEntry
from orders.service import EventOver, OrderService, OwnTicket, PriceChanged

router = APIRouter(prefix="/api/orders", tags=["orders"], responses=problems(NotSignedIn))
idempotent = APIRouter(prefix="/api/orders", tags=["orders"], route_class=IdempotentRoute)

Orders = Annotated[OrderService, Depends(use_cases(OrderService))]
ONE_ORDER = "/{orderId}"  # `orderId` is in camelCase like our JSON, because error messages show it to the client.
OrderInPath = Annotated[OrderId, WellFormed, Path(alias="orderId")]


@router.get("", summary="Your own orders, newest first")
async def list_orders(user: CurrentUser, orders: Orders, limit: PageLimit = 20, cursor: PageCursor = None) -> OrderPage:
    page, next_cursor = await orders.list_orders(user.id, before=cursor, limit=limit)
    return OrderPage(orders=[OrderOut.model_validate(order) for order in page], next_cursor=next_cursor)


@idempotent.post(
    "",
    summary="Order a ticket, which holds it until the deadline",
    status_code=status.HTTP_201_CREATED,
    responses=problems(
        NotSignedIn,
        OwnTicket,
        NotFound,
        EventOver,
        PriceChanged,
        TicketNotAvailable,
        AlreadyOrdered,
        VersionConflict,
        RequestInFlight,
        KeyReused,
    ),
    dependencies=[REQUIRES_BROKER],
)
async def place_order(wanted: OrderIn, user: CurrentUser, orders: Orders, request_key: CurrentRequestKey) -> OrderOut:
    order = await orders.place_order(
        wanted.ticket_id,
        buyer=user.id,
        window_seconds=wanted.window_seconds,
        expected_price=wanted.expected_price,
        request_key=request_key,
    )
    return OrderOut.model_validate(order)


@router.get(ONE_ORDER, summary="One of your orders", responses=problems(NotTheBuyer, NotFound))
async def get_order(order_id: OrderInPath, user: CurrentUser, orders: Orders) -> OrderOut:
    return OrderOut.model_validate(await orders.get_order(order_id, by=user.id))


@router.post(
    f"{ONE_ORDER}/extension",
    summary="Extend an open order, so that there is more time to pay",
    description="The deadline moves by the window of the order. The request needs no body. With `expiresAt`, it can be "
    "repeated: if the order has a later deadline already, nothing changes, and the answer is the order as it is.",
    responses=problems(NotTheBuyer, NotFound, OrderNotOpen, NoExtensionsLeft, VersionConflict),
    dependencies=[REQUIRES_BROKER],
)
async def extend_order(
    order_id: OrderInPath, user: CurrentUser, orders: Orders, wanted: ExtensionIn | None = None
) -> OrderOut:
    seen_deadline = wanted.expires_at if wanted else None
    return OrderOut.model_validate(await orders.extend_order(order_id, by=user.id, seen_deadline=seen_deadline))


@router.delete(
    ONE_ORDER,
    summary="Cancel an open order, which frees its ticket",
    description="If the order is cancelled already, this changes nothing, and the answer is the same.",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problems(NotTheBuyer, NotFound, OrderNotOpen, VersionConflict),
    dependencies=[REQUIRES_BROKER],
)
async def cancel_order(order_id: OrderInPath, user: CurrentUser, orders: Orders) -> None:
    await orders.cancel_order(order_id, by=user.id)


@router.get(
    f"{ONE_ORDER}/timeline",
    summary="What happened to an order, read from the event stream",
    responses=problems(NotTheBuyer, NotFound),
)
async def get_timeline(order_id: OrderInPath, user: CurrentUser, orders: Orders) -> Timeline:
    events = await orders.get_timeline(order_id, by=user.id)
    return Timeline(order_id=order_id, events=[TimelineEntry.model_validate(event) for event in events])
