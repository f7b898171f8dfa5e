"""The HTTP routes of the payments service. Each route reads the request, calls one use case, and returns the answer."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, status

from common.domain.errors import KeyReused, NotFound, NotSignedIn, VersionConflict
from common.domain.ids import OrderId, WellFormed
from common.http.authentication import CurrentUser
from common.http.dependencies import REQUIRES_BROKER, use_cases
from common.http.idempotent_requests import RequestInFlight
from common.http.idempotent_route import CurrentRequestKey, IdempotentRoute
from common.http.problems import problems
from payments.gateway.sandbox_cards import describe_cards
from payments.payment import AlreadyPaid, CardRefused, NotTheBuyer, OrderNotOpen, PaymentInProgress
from payments.schemas import PaymentIn, PaymentList, PaymentOut
from payments.service import PaymentService

_EVERYWHERE = problems(NotSignedIn, NotTheBuyer, NotFound)
router = APIRouter(prefix="/api/payments", tags=["payments"], responses=_EVERYWHERE)
idempotent = APIRouter(prefix="/api/payments", tags=["payments"], responses=_EVERYWHERE, route_class=IdempotentRoute)

_ABOUT_CARDS = f"""\
Without a key of Stripe, a sandbox takes the place of the card processor, and no money moves. It knows these test cards
(`tok_…` means the same as `pm_card_…`, except for the two cards of the sandbox itself), and refuses others with 422:

{describe_cards()}
"""

Payments = Annotated[PaymentService, Depends(use_cases(PaymentService))]


@idempotent.post(
    "",
    summary="Pay for an order",
    description=_ABOUT_CARDS,
    status_code=status.HTTP_201_CREATED,
    responses=problems(
        CardRefused, OrderNotOpen, AlreadyPaid, PaymentInProgress, VersionConflict, RequestInFlight, KeyReused
    ),
    dependencies=[REQUIRES_BROKER],
)
async def pay_order(
    wanted: PaymentIn, user: CurrentUser, payments: Payments, request_key: CurrentRequestKey
) -> PaymentOut:
    payment = await payments.pay_order(wanted.order_id, token=wanted.token, buyer=user.id, request_key=request_key)
    return PaymentOut.model_validate(payment)


@router.get("", summary="All payments for one of your orders, also declined payments")
async def list_payments(
    order_id: Annotated[OrderId, WellFormed, Query(alias="orderId")], user: CurrentUser, payments: Payments
) -> PaymentList:
    found = await payments.list_payments(order_id, buyer=user.id)
    return PaymentList(payments=[PaymentOut.model_validate(payment) for payment in found])
