"""The use cases of the payments service.

Every charge ends in one of two ways: the order is completed, or the money is refunded. This is also true if the order
is cancelled while the card is being charged.

A payment has two steps. `_charge` charges the card. `_close` refunds the payment if the order was cancelled, or settles
it if the order was completed. To settle a payment means to note that it will not be refunded any more. The request of
the buyer runs both steps. If it does not finish them, for example because of a crash, the recovery job
(recovery_job.py) runs both steps again. The handlers of order events run only `_close`.
"""

import structlog

from common.domain.clock import Clock
from common.domain.errors import BadInput, DependencyUnavailable, NotFound, PermanentFailure, UnreadableDocument
from common.domain.ids import OrderId, PaymentId, UserId
from common.domain.requested import RequestKey
from common.events.orders import OrderEvent
from common.storage.read_model import ReadModelRepository
from common.storage.retry import retry_on_conflict
from payments.gateway.protocol import CardDeclined, GatewayUnavailable, PaymentGateway, RefundRefused, UnknownToken
from payments.order_read_model import OrderReadModel, OrderStatus
from payments.payment import AlreadyPaid, CardRefused, NotTheBuyer, OrderNotOpen, Payment, PaymentStatus
from payments.repository import PaymentRepository

log = structlog.get_logger()


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
        self, order_id: OrderId, *, token: str, buyer: UserId, request_key: RequestKey | None = None
    ) -> Payment:
        """Charge the card once, and return the payment.

        If an earlier copy of this request has begun a payment, continue that payment. Raises KeyReused if another
        request with the same `request_key.key` has begun a payment.

        Raises NotFound, NotTheBuyer, OrderNotOpen, AlreadyPaid, PaymentInProgress or CardRefused. Raises BadInput if
        the token is unknown. Raises DependencyUnavailable if nobody knows yet whether the card processor has charged
        the card, or refunded a charge.
        """
        begun_before = await self._payments.find_by_request(
            request_key, same_target=lambda begun: begun.order_id == order_id
        )
        if begun_before is not None:
            return await self._finish_for_buyer(PaymentId(begun_before.id))
        order = await self._order_of(order_id, buyer)
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
        return await self._finish_for_buyer(PaymentId(payment.id))

    async def list_payments(self, order_id: OrderId, *, buyer: UserId) -> list[Payment]:
        """Return the payments for an order, newest first. Raises NotFound or NotTheBuyer."""
        await self._order_of(order_id, buyer)
        return await self._payments.find_of_order(order_id, buyer)

    async def learn_of_order(self, event: OrderEvent) -> None:
        """Update our copy of an order with the data of the event.

        This method calls no other system. So a card processor that is slow or refuses refunds never delays what we know
        about orders, and nobody can pay for an order that was cancelled.
        """
        await self._orders.apply(event)

    async def close_payment(self, event: OrderEvent) -> None:
        """Refund the captured payment of an order that is cancelled now, or settle that of an order that is completed.

        To settle a payment means to note that it will not be refunded any more. If the card processor does not answer,
        the payment stays open, and the recovery job refunds it later. Raises PermanentFailure if the card processor
        will never refund this charge; a person must then look at the payment.
        """
        await self._orders.apply(event)  # `learn_of_order` may not have handled this event yet
        payment = await self._payments.find_captured_and_open(OrderId(event.id))
        if payment is None:
            return
        try:
            await self._close(PaymentId(payment.id))
        except DependencyUnavailable as error:
            log.warning("refund left to the recovery job", payment=payment.id, reason=error.detail)

    async def _order_of(self, order_id: OrderId, buyer: UserId) -> OrderReadModel:
        order = await self._orders.find_or_wait(order_id)
        if order is None:
            raise NotFound(f"There is no order {order_id}.", argument="order_id")
        if order.user_id != buyer:
            raise NotTheBuyer("Only its buyer can pay for an order, or see its payments.")
        return order

    async def finish(self, payment_id: PaymentId) -> Payment:
        """Charge the card of a payment if this was not done yet. Then refund or settle it if its order is closed.

        Raises the errors of `_charge` and `_close`. Raises OrderNotOpen if the payment was refunded.
        """
        await self._charge(payment_id)
        payment = await self._close(payment_id)
        if payment.status is PaymentStatus.REFUNDED:
            raise OrderNotOpen("The order was cancelled while you paid. Your payment has been refunded.")
        return payment

    async def _finish_for_buyer(self, payment_id: PaymentId) -> Payment:
        """Do the same as `finish`, and raise OrderNotOpen if the refund was refused for good.

        The recovery job logs this payment until a person has looked at it.
        """
        try:
            return await self.finish(payment_id)
        except UnreadableDocument:
            raise
        except PermanentFailure as refusal:
            log.error("refund refused", payment=payment_id, reason=str(refusal))  # noqa: TRY400 - a traceback would not help
            raise OrderNotOpen(
                "The order was cancelled while you paid, and the refund was refused. A person will look at it."
            ) from refusal

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
            raise _outcome_unknown(error, payment) from error
        payment.capture(charge_id)
        await self._payments.save(payment)

    @retry_on_conflict
    async def _close(self, payment_id: PaymentId) -> Payment:
        """Refund a captured payment if its order is cancelled. Settle the payment if its order is completed.

        To settle a payment means to note that it will not be refunded any more. Change nothing if the order is still
        open. Also change nothing if the payment is not captured, or if it was settled before.

        A request may charge the card while the handler of an event stores the cancellation of the order. The request
        first stores the capture (in `_charge`) and then reads the order. The handler first stores the cancellation (in
        `close_payment`) and then reads the payment. So at least one of them sees both the capture and the cancellation,
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
        if payment.charge_id is None:
            # The payment was restored from an event of an older version, which did not contain this id.
            raise PermanentFailure("The id of its charge is not known. Refund it at the card processor.")
        try:
            await self._gateway.refund(payment_id=PaymentId(payment.id), charge_id=payment.charge_id)
        except RefundRefused as error:
            raise PermanentFailure(str(error)) from error
        except GatewayUnavailable as error:
            raise _outcome_unknown(error, payment) from error
        payment.refund()

    async def _known(self, payment_id: PaymentId) -> Payment:
        payment = await self._payments.find(payment_id)
        if payment is None:
            raise NotFound(f"There is no payment {payment_id}.")
        return payment


def _outcome_unknown(error: GatewayUnavailable, payment: Payment) -> DependencyUnavailable:
    log.warning("card processor unavailable", reason=error.reason)
    return DependencyUnavailable(
        "The card processor does not answer. Your payment will be completed or refunded automatically; "
        f"see GET /api/payments?orderId={payment.order_id}."
    )
