"""The real card processor, Stripe.

To charge a card, we send one request. This request creates and confirms a PaymentIntent, which is Stripe's object for
one payment.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import stripe
from stripe.params import PaymentIntentCreateParams

from common.domain.ids import PaymentId
from common.http.money import CURRENCY
from payments.gateway.protocol import CardDeclined, ChargeId, GatewayUnavailable, RefundId, RefundRefused
from payments.gateway.stripe_errors import charge_failure, refund_failure

# With telemetry, Stripe's SDK would write an identifier into the home directory. The SDK would send this identifier and
# the name of the operating system to Stripe.
stripe.enable_telemetry = False

MAX_NETWORK_RETRIES = 2
"""How many times the SDK repeats a call after a temporary failure, such as a lost connection or a status 5xx.

Each repeated call has the same idempotency key as the first call, so together they charge the card only once.
"""

_NOT_CHARGED = ("requires_payment_method", "requires_confirmation", "requires_capture", "canceled")


class StripeGateway:
    """Charges cards and refunds charges through Stripe.

    A call, including all its retries in the SDK, takes at most `timeout_seconds`. If Stripe has not answered in this
    time, nobody knows the outcome of the call, and the gateway raises GatewayUnavailable.

    Nobody must be able to read the API key in a log. So this class does not store the key; only the SDK stores it. We
    raise our errors `from None`, so that a traceback does not contain the functions of the SDK. A traceback with the
    local variables of these functions would show the key.
    """

    def __init__(
        self, api_key: str, *, api_base: str | None = None, currency: str = CURRENCY, timeout_seconds: float = 8.0
    ) -> None:
        self._currency = currency
        self._timeout_seconds = timeout_seconds
        self._http_client = stripe.HTTPXClient(timeout=timeout_seconds)
        self._stripe = stripe.StripeClient(
            api_key,
            base_addresses={"api": api_base.rstrip("/")} if api_base else {},
            max_network_retries=MAX_NETWORK_RETRIES,
            http_client=self._http_client,
        ).v1

    async def charge(self, *, payment_id: PaymentId, amount: int, token: str) -> ChargeId:
        """Charge the card. Return the id of the PaymentIntent (Stripe's object for a payment). See PaymentGateway."""
        params: PaymentIntentCreateParams = {
            "amount": amount,
            "currency": self._currency,
            "confirm": True,
            # Some payment methods redirect the buyer to another page. We exclude these methods, because our API has no
            # page to which the buyer could return.
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "metadata": {"payment_id": payment_id},
        }
        if token.startswith("tok_"):
            params["payment_method_data"] = {
                "type": "card",
                # Stripe accepts the field `token` here, because older programs send this field. The type definitions of
                # the SDK do not contain the field.
                "card": {"token": token},  # type: ignore[typeddict-unknown-key]
            }
        else:
            params["payment_method"] = token
        async with self._asking(lambda error: charge_failure(error, key=payment_id, token=token)):
            intent = await self._stripe.payment_intents.create_async(params, {"idempotency_key": payment_id})
            if intent.status == "processing":
                # This may be an old answer. For the same idempotency key, Stripe repeats its first answer for 24 hours,
                # even if the payment has ended since then. So we read the PaymentIntent, which has the current status.
                intent = await self._stripe.payment_intents.retrieve_async(intent.id)
            return _charge_of(intent)

    async def refund(self, *, payment_id: PaymentId, charge_id: ChargeId) -> RefundId:
        key = f"refund:{payment_id}"
        async with self._asking(lambda error: refund_failure(error, key=key, charge_id=charge_id)):
            try:
                refund = await self._stripe.refunds.create_async(
                    {"payment_intent": charge_id, "metadata": {"payment_id": payment_id}}, {"idempotency_key": key}
                )
            except stripe.InvalidRequestError as error:
                if error.code != "charge_already_refunded":
                    raise
                refund = (await self._stripe.refunds.list_async({"payment_intent": charge_id, "limit": 1})).data[0]
            if refund.status in ("failed", "canceled"):
                raise RefundRefused(f"Stripe's refund {refund.id} is {refund.status}. Refund by hand in its dashboard.")
            return RefundId(refund.id)

    async def close(self) -> None:
        await self._http_client.close_async()  # type: ignore[no-untyped-call] # the SDK's method has no types

    @asynccontextmanager
    async def _asking(self, as_ours: Callable[[stripe.StripeError], Exception]) -> AsyncIterator[None]:
        """Limit the total time of the calls to Stripe inside the `async with` block, and translate their errors.

        The function `as_ours` translates an error of the SDK into an error of our interface.
        """
        try:
            async with asyncio.timeout(self._timeout_seconds):
                yield
        except stripe.StripeError as error:
            raise as_ours(error) from None
        except TimeoutError:
            raise GatewayUnavailable(f"Stripe did not answer within {self._timeout_seconds} s. Try again.") from None
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            # The answer may be something else than the JSON of Stripe, for example the error page of a proxy. Then the
            # SDK raises one of these errors.
            raise GatewayUnavailable(f"Stripe's answer cannot be read ({type(error).__name__}).") from None


def _charge_of(intent: stripe.PaymentIntent) -> ChargeId:
    if intent.status == "succeeded":
        return ChargeId(intent.id)
    if intent.status == "requires_action":
        # The bank wants the buyer to confirm the payment. For this, the buyer would need the client secret of the
        # PaymentIntent, which we send to nobody. So this payment can never be charged later, and we can treat it as
        # declined.
        raise CardDeclined(
            "Your card was declined. This transaction requires authentication.", "authentication_required"
        )
    if intent.status in _NOT_CHARGED:
        raise CardDeclined("Your card was declined.", "card_declined")
    raise GatewayUnavailable(f"Stripe has not decided yet: the PaymentIntent is {intent.status}. Try again.")
