"""The JSON bodies of the requests and of the answers."""

from typing import Annotated

from pydantic import Field

from common.domain.ids import OrderId, PaymentId, WellFormed
from common.http.money import CURRENCY, PriceOut
from common.http.schemas import RequestBody, ResponseBody
from payments.payment import PaymentStatus


class PaymentIn(RequestBody):
    order_id: Annotated[OrderId, WellFormed]
    token: str = Field(
        min_length=1,
        max_length=200,
        pattern=r"^[A-Za-z0-9_]+$",
        description="A card token or payment method of Stripe, such as tok_visa or pm_card_visa. Send no card number.",
        examples=["pm_card_visa"],
    )


class PaymentOut(ResponseBody):
    id: PaymentId
    order_id: OrderId
    status: PaymentStatus
    amount: PriceOut
    currency: str = Field(default=CURRENCY, description="The ISO code of the currency, in lower case.")


class PaymentList(ResponseBody):
    payments: list[PaymentOut] = Field(description="The payments, newest first.")
