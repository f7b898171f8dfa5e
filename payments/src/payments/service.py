"""The use cases of the payments service.

Every charge ends in one of two ways: the order is completed, or the money is refunded. This is also true if the order
is cancelled while the card is being charged.

A payment has two steps. `_charge` charges the card. `_close` refunds the payment if the order was cancelled, or settles
it if the order was completed. To settle a payment means to note that it will not be refunded any more. The request of
the buyer runs both steps. If it does not finish them, for example because of a crash, a background task runs both steps
again. This task is called the recovery job (ADR 0008). The handler of order events runs only `_close`.
"""

import asyncio
from datetime import timedelta

import structlog

from common.domain.clock import Clock, is_within
from common.domain.errors import BadInput, DependencyUnavailable, NotFound, PermanentFailure, UnreadableDocument
from common.domain.ids import OrderId, PaymentId, UserId
from common.events.orders import OrderCreated, OrderEvent
from common.storage.availability import DatabaseError
from common.storage.read_model import ReadModelRepository
from common.storage.retry import retry_on_conflict
from payments.gateway.protocol import CardDeclined, GatewayUnavailable, PaymentGateway, UnknownCharge, UnknownToken
from payments.order_read_model import OrderReadModel, OrderStatus
from payments.payment import AlreadyPaid, CardRefused, NotTheBuyer, OrderNotOpen, Payment, PaymentStatus
from payments.repository import PaymentRepository

log = structlog.get_logger()

_ABANDONED_AFTER = timedelta(seconds=10)
"""If a payment began longer ago than this time and is not finished, the recovery job (a background task) continues it.

After this time, the request that began the payment cannot run any more, because its time limit is shorter (MAX_SECONDS
in common.http.middleware).
"""
_KEY_IS_KEPT_FOR = timedelta(hours=20)
"""How long we rely on Stripe to keep the idempotency key of a charge. The time starts when the payment begins.

After this time, the recovery job (a background task) does not repeat the charge, and logs an error for a person. Stripe
may forget a key after 24 hours, and would then charge the card a second time. So our limit is less than 24 hours.
"""
_RECOVERY_SECONDS = 5.0


class PaymentService:
    def __init__(
        self,
        payments: PaymentRepository,
        orders: ReadModelRepository[OrderReadModel],
        gateway: PaymentGateway,
        clock: Clock,
    ) -> None:
        self._payments = payments
        self._orders = orders
        self._gateway = gateway
        self._clock = clock

    async def pay_order(
        self, order_id: OrderId, *, token: str, buyer: UserId, request_key: str | None = None
    ) -> Payment:
        """Charge the card once, and return the payment.

        If an earlier request with the same `request_key` has begun a payment, continue the payment of the earlier
        request.

        Raises NotFound, NotTheBuyer, OrderNotOpen, AlreadyPaid, PaymentInProgress or CardRefused. Raises BadInput if
        the token is unknown. Raises DependencyUnavailable if nobody knows yet whether the card processor has charged
        the card, or refunded a charge.
        """
        order = await self._order_of(order_id, buyer)
        begun_before = await self._payments.find_by_request(request_key) if request_key else None
        if begun_before is not None:
            return await self._charge_and_close(PaymentId(begun_before.id))
        if order.status is OrderStatus.COMPLETED:
            raise AlreadyPaid("This order is paid already. You have not been charged again.")
        if order.status is OrderStatus.CANCELLED:
            raise OrderNotOpen("The order has been cancelled, so it cannot be paid.")
        # We also check the time, because the event of the cancellation may not have arrived yet. Until it arrives, our
        # copy of the order says that the order is open.
        if order.expires_at <= self._clock():
            raise OrderNotOpen("The time to pay this order is over.")
        payment = Payment.begin(
            order_id=order_id,
            buyer=buyer,
            amount=order.price,
            token=token,
            now=self._clock(),
            request_key=request_key,
        )
        await self._payments.add(payment)
        return await self._charge_and_close(PaymentId(payment.id))

    async def list_payments(self, order_id: OrderId, *, buyer: UserId) -> list[Payment]:
        """Return the payments for an order, newest first. Raises NotFound or NotTheBuyer."""
        await self._order_of(order_id, buyer)
        return await self._payments.find_of_order(order_id, buyer)

    async def follow_order(self, event: OrderEvent) -> None:
        """Update our copy of an order with the data of the event.

        If the order is cancelled now, also refund its payment. If the order is completed now, also settle its payment,
        which means to note that the payment will not be refunded any more.
        """
        await self._orders.apply(event)
        if isinstance(event, OrderCreated):
            return  # A new order has no payment to settle or to refund.
        payment = await self._payments.find_captured_and_open(OrderId(event.id))
        if payment is not None:
            await self._close(PaymentId(payment.id))

    async def run_recovery_job(self) -> None:
        while True:
            try:
                await self.recover_open_payments()
            except DatabaseError as error:
                log.warning("recovery of open payments stopped, trying again later", reason=str(error))
            await asyncio.sleep(_RECOVERY_SECONDS)

    async def recover_open_payments(self) -> None:
        """Try to finish all payments that began longer ago than `_ABANDONED_AFTER` and are still open (not finished).

        For example, a process died during the payment, or the card processor did not answer.
        """
        async for page in self._payments.find_open():
            for payment in page:
                if not is_within(_ABANDONED_AFTER, payment.begun_at, self._clock()):
                    await self._recover(payment)

    async def _recover(self, payment: Payment) -> None:
        """Try to finish one payment.

        If the payment is pending and older than `_KEY_IS_KEPT_FOR`, do not try, because Stripe may have forgotten the
        idempotency key and could charge the card twice. Log an error instead, so that a person looks at the payment.

        If the attempt fails, log the reason and return, so that the recovery job continues with the other payments. But
        if the database fails, raise its error, because without the database the job cannot finish any payment.
        """
        if payment.status is PaymentStatus.PENDING and payment.begun_at < self._clock() - _KEY_IS_KEPT_FOR:
            log.error("open payment needs a person: find out whether it was charged", payment=payment.id)
            return
        try:
            await self._charge_and_close(PaymentId(payment.id))
        except (CardRefused, BadInput, OrderNotOpen) as ended:
            log.info("open payment finished", payment=payment.id, outcome=ended.code)
        except DependencyUnavailable as error:
            log.warning("open payment not finished", payment=payment.id, reason=error.detail)
        except UnreadableDocument:
            return  # the log names the document already
        except DatabaseError:
            raise  # without the database, the job cannot finish any payment
        except Exception:
            log.exception("open payment not finished", payment=payment.id)

    async def _order_of(self, order_id: OrderId, buyer: UserId) -> OrderReadModel:
        order = await self._orders.find_or_wait(order_id)
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

    @retry_on_conflict
    async def _charge(self, payment_id: PaymentId) -> None:
        """Charge the card of a pending payment. After that, the payment is captured or declined.

        This step may run several times, but the card is charged only once, because the id of the payment is the
        idempotency key of the charge. If the payment is already captured or refunded, this step does nothing.

        Raises CardRefused if the card is declined now or was declined in an earlier run. Raises BadInput if the token
        is unknown. Raises DependencyUnavailable if nobody knows yet whether the card was charged; the payment is then
        still pending.
        """
        payment = await self._known(payment_id)
        if payment.status is PaymentStatus.DECLINED:
            raise CardRefused(payment.decline_reason or "Your card was declined.", argument="token")
        if payment.status is not PaymentStatus.PENDING:
            return
        try:
            charge_id = await self._gateway.charge(
                payment_id=payment_id, amount=payment.amount, token=payment.token or ""
            )
        except CardDeclined as declined:
            payment.decline(declined.reason)
            await self._payments.save(payment)
            raise CardRefused(declined.reason, argument="token") from None
        except UnknownToken as unknown:
            payment.decline(str(unknown))
            await self._payments.save(payment)
            raise BadInput(str(unknown), argument="token") from None
        except GatewayUnavailable as error:
            raise _outcome_unknown(error) from error
        payment.capture(charge_id)
        await self._payments.save(payment)

    @retry_on_conflict
    async def _close(self, payment_id: PaymentId) -> Payment:
        """Refund a captured payment if its order is cancelled. Settle the payment if its order is completed.

        To settle a payment means to note that it will not be refunded any more. Change nothing if the order is still
        open. Also change nothing if the payment is not captured, or if it was settled before.

        A request may charge the card while the handler of an event stores the cancellation of the order. The request
        first stores the capture (in `_charge`) and then reads the order. The handler first stores the cancellation (in
        `follow_order`) and then reads the payment. So at least one of them sees both the capture and the cancellation,
        and refunds the payment. If both do this, the card processor still refunds the payment only once.
        """
        payment = await self._known(payment_id)
        if payment.status is not PaymentStatus.CAPTURED or not payment.open:
            return payment
        order = await self._orders.find(payment.order_id)
        if order is None or order.status is OrderStatus.OPEN:
            return payment
        if order.status is OrderStatus.CANCELLED:
            await self._refund(payment)
        else:
            payment.settle()
        await self._payments.save(payment)
        return payment

    async def _refund(self, payment: Payment) -> None:
        assert payment.charge_id is not None  # noqa: S101 - for the type checker: `capture` has set this field
        try:
            await self._gateway.refund(payment_id=PaymentId(payment.id), charge_id=payment.charge_id)
        except UnknownCharge as error:
            raise PermanentFailure(str(error)) from error
        except GatewayUnavailable as error:
            raise _outcome_unknown(error) from error
        payment.refund()

    async def _known(self, payment_id: PaymentId) -> Payment:
        payment = await self._payments.find(payment_id)
        if payment is None:
            raise NotFound(f"There is no payment {payment_id}.")
        return payment


def _outcome_unknown(error: GatewayUnavailable) -> DependencyUnavailable:
    log.warning("card processor unavailable", reason=error.reason)
    return DependencyUnavailable(
        "The card processor does not answer. Your payment will be completed or refunded automatically; "
        "see GET /api/payments."
    )
