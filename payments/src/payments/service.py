"""The use cases of payments.

However a charge goes, and whichever of the two payments learns of first, the charge or the cancellation: money that
was taken ends in a completed order or is given back. Three paths lead through the same two steps, `_charge` and
`_close`: the buyer's request, the events of the order, and the sweep after whatever died in between (ADR 8).
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

import structlog
from pymongo.errors import PyMongoError

from common.domain.clock import Clock
from common.domain.errors import BadInput, DependencyUnavailable, NotFound, PermanentFailure
from common.domain.ids import OrderId, PaymentId, UserId
from common.events.orders import OrderCreated, OrderEvent
from common.storage.repository import retry_lost_races
from payments.gateway.protocol import CardDeclined, GatewayUnavailable, PaymentGateway, UnknownCharge, UnknownToken
from payments.order_read_model import OrderReadModel, OrderReadModelRepository, OrderStatus
from payments.payment import AlreadyPaid, CardRefused, NotTheBuyer, OrderNotOpen, Payment, PaymentStatus
from payments.repository import PaymentRepository

log = structlog.get_logger()

_ABANDONED_AFTER = timedelta(seconds=10)
"""Longer than a request may take (common.http.middleware): what is older has nobody working on it any more."""
_KEY_IS_KEPT_FOR = timedelta(hours=20)
"""Stripe may forget an idempotency key after 24 hours; from then on, asking again could charge again."""
_RECOVERY_SECONDS = 5.0


@dataclass(frozen=True)
class PaymentService:
    payments: PaymentRepository
    orders: OrderReadModelRepository
    gateway: PaymentGateway
    clock: Clock

    async def pay_order(
        self, order_id: OrderId, *, token: str, buyer: UserId, request_key: str | None = None
    ) -> Payment:
        """Charge the card, once; the same request again goes on with the payment that it began.

        Raises NotFound, NotTheBuyer, OrderNotOpen, AlreadyPaid, PaymentInProgress, CardRefused, BadInput (an unknown
        token); DependencyUnavailable if the outcome is not known yet.
        """
        order = await self._order_of(order_id, buyer)
        begun_before = await self.payments.find_by_request(request_key) if request_key else None
        if begun_before is not None:
            return await self._charge_and_close(PaymentId(begun_before.id))
        if order.status is OrderStatus.COMPLETED:
            raise AlreadyPaid("This order is paid already. You have not been charged again.")
        if order.status is OrderStatus.CANCELLED:
            raise OrderNotOpen("The order has been cancelled, so it cannot be paid.")
        if order.expires_at <= self.clock():  # refused even while nobody has told us that it was cancelled
            raise OrderNotOpen("The time to pay this order is over.")
        payment = Payment.begin(
            order_id=order_id,
            buyer=buyer,
            amount=order.price,
            token=token,
            now=self.clock(),
            request_key=request_key,
        )
        await self.payments.add(payment)
        return await self._charge_and_close(PaymentId(payment.id))

    async def list_payments(self, order_id: OrderId, *, buyer: UserId) -> list[Payment]:
        """Raises NotFound, NotTheBuyer."""
        await self._order_of(order_id, buyer)
        return await self.payments.find_of_order(order_id, buyer)

    async def follow_order(self, event: OrderEvent) -> None:
        """Remember what became of an order, then close the payment that waits for it, if there is one."""
        await self.orders.apply(event)
        if isinstance(event, OrderCreated):
            return  # no payment waits for this
        payment = await self.payments.find_captured_and_open(OrderId(event.id))
        if payment is not None:
            await self._close(PaymentId(payment.id))

    async def run_recovery_job(self) -> None:
        while True:
            try:
                await self.recover_open_payments()
            except PyMongoError as error:
                log.warning("recovery of open payments put off", reason=str(error))
            await asyncio.sleep(_RECOVERY_SECONDS)

    async def recover_open_payments(self) -> None:
        """Bring to an end what a crash, or a card processor that did not answer, left open."""
        begun_before = self.clock() - _ABANDONED_AFTER
        after: Payment | None = None
        while page := await self.payments.find_open(begun_before=begun_before, after=after):
            for payment in page:
                await self._end(payment)
            after = page[-1]

    async def _end(self, payment: Payment) -> None:
        """One payment that cannot be ended must not keep the others open."""
        if payment.status is PaymentStatus.PENDING and payment.begun_at < self.clock() - _KEY_IS_KEPT_FOR:
            log.error("open payment needs a person: was it charged?", payment=payment.id)
            return
        try:
            await self._charge_and_close(PaymentId(payment.id))
        except (CardRefused, BadInput, OrderNotOpen) as ended:
            log.info("open payment came to its end", payment=payment.id, outcome=ended.code)
        except DependencyUnavailable as error:
            log.warning("open payment stays open", payment=payment.id, reason=error.detail)
        except PyMongoError:
            raise  # without the database none of them can be ended
        except Exception:
            log.exception("open payment stays open", payment=payment.id)

    async def _order_of(self, order_id: OrderId, buyer: UserId) -> OrderReadModel:
        order = await self.orders.find_soon(order_id)
        if order is None:
            raise NotFound(f"There is no order {order_id}.", argument="order_id")
        if order.user_id != buyer:
            raise NotTheBuyer("Only its buyer can pay for an order, or see its payments.")
        return order

    async def _charge_and_close(self, payment_id: PaymentId) -> Payment:
        await self._charge(payment_id)
        payment = await self._close(payment_id)
        if payment.status is PaymentStatus.REFUNDED:
            raise OrderNotOpen("The order was cancelled while you paid. Your payment has been refunded.")
        return payment

    async def _charge(self, payment_id: PaymentId) -> None:
        """Pending → captured or declined. Safe to repeat: the payment's id is the charge's idempotency key.

        Raises CardRefused, also if another request or the recovery job has found out before that the card is declined.
        """

        async def attempt() -> None:
            payment = await self._known(payment_id)
            if payment.status is PaymentStatus.DECLINED:
                raise CardRefused(payment.decline_reason or "Your card was declined.", argument="token")
            if payment.status is not PaymentStatus.PENDING:
                return
            try:
                charge_id = await self.gateway.charge(
                    payment_id=payment_id, amount=payment.amount, token=payment.token or ""
                )
            except CardDeclined as declined:
                payment.decline(declined.reason)
                await self.payments.save(payment)
                raise CardRefused(declined.reason, argument="token") from None
            except UnknownToken as unknown:
                payment.decline(str(unknown))
                await self.payments.save(payment)
                raise BadInput(str(unknown), argument="token") from None
            except GatewayUnavailable as error:
                raise _outcome_unknown(error) from error
            payment.capture(charge_id)
            await self.payments.save(payment)

        await retry_lost_races(attempt)

    async def _close(self, payment_id: PaymentId) -> Payment:
        """Captured and open → refunded if its order is cancelled, settled if it is completed, else left as it is.

        The capture is stored before the order is read here. `follow_order` stores a cancellation before it looks for
        the payment. So the second of the two sees both.
        """

        async def attempt() -> Payment:
            payment = await self._known(payment_id)
            if payment.status is not PaymentStatus.CAPTURED or not payment.open:
                return payment
            order = await self.orders.find(payment.order_id)
            if order is None or order.status is OrderStatus.OPEN:
                return payment
            if order.status is OrderStatus.CANCELLED:
                await self._refund(payment)
            else:
                payment.settle()
            await self.payments.save(payment)
            return payment

        return await retry_lost_races(attempt)

    async def _refund(self, payment: Payment) -> None:
        assert payment.charge_id is not None  # noqa: S101 - for the type checker: capturing sets it
        try:
            await self.gateway.refund(payment_id=PaymentId(payment.id), charge_id=payment.charge_id)
        except UnknownCharge as error:
            raise PermanentFailure(str(error)) from error
        except GatewayUnavailable as error:
            raise _outcome_unknown(error) from error
        payment.refund()

    async def _known(self, payment_id: PaymentId) -> Payment:
        payment = await self.payments.find(payment_id)
        if payment is None:
            raise NotFound(f"There is no payment {payment_id}.")
        return payment


def _outcome_unknown(error: GatewayUnavailable) -> DependencyUnavailable:
    log.warning("card processor unavailable", reason=error.reason)
    return DependencyUnavailable(
        "The card processor does not answer. Your payment will be completed or refunded by itself; "
        "see GET /api/payments."
    )
