"""HTTP in: parse, one call of a use case, answer."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, status

from common.auth import CurrentUser
from common.errors import LostRace, NotFound, NotSignedIn
from common.http.app import CHANGES
from common.http.problems import problems
from common.ids import OrderId, WellFormed
from payments.payment import AlreadyPaid, CardRefused, NotTheBuyer, OrderNotOpen, PaymentInProgress
from payments.schemas import PaymentIn, PaymentList, PaymentOut
from payments.service import PaymentService

router = APIRouter(prefix="/api/payments", tags=["payments"], responses=problems(NotSignedIn, NotTheBuyer, NotFound))


def _service(request: Request) -> PaymentService:
    service: PaymentService = request.app.state.payments
    return service


Payments = Annotated[PaymentService, Depends(_service)]


@router.post(
    "",
    summary="Pay for an order",
    status_code=status.HTTP_201_CREATED,
    responses=problems(CardRefused, OrderNotOpen, AlreadyPaid, PaymentInProgress, LostRace),
    dependencies=[CHANGES],
)
async def pay_order(wanted: PaymentIn, user: CurrentUser, payments: Payments) -> PaymentOut:
    return PaymentOut.model_validate(await payments.pay_order(wanted.order_id, token=wanted.token, buyer=user.id))


@router.get("", summary="The payments of one of your orders, declined ones included")
async def list_payments(
    order_id: Annotated[OrderId, WellFormed, Query(alias="orderId")], user: CurrentUser, payments: Payments
) -> PaymentList:
    found = await payments.list_payments(order_id, buyer=user.id)
    return PaymentList(payments=[PaymentOut.model_validate(payment) for payment in found])
