"""The real card processor: Stripe's PaymentIntents, created and confirmed in one call."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import stripe
from stripe.params import PaymentIntentCreateParams

from common.domain.ids import PaymentId
from payments.gateway.protocol import CardDeclined, ChargeId, GatewayUnavailable, RefundId
from payments.gateway.stripe_errors import charge_failure, refund_failure

# Otherwise the SDK writes an identifier into the home directory, and sends it and the platform's name to Stripe.
stripe.enable_telemetry = False

MAX_NETWORK_RETRIES = 2
"""How often the SDK repeats a call, with the same idempotency key, when the connection fails or Stripe answers 5xx."""

_NOT_CHARGED = ("requires_payment_method", "requires_confirmation", "requires_capture", "canceled")


class StripeGateway:
    """Charges and refunds through Stripe. A call takes at most `timeout_seconds`, the SDK's retries included.

    After that, its outcome is unknown. The API key must never be printed: only the SDK stores it, and errors are raised
    `from None`, because a traceback with local variables would show the key in the SDK's frames.
    """

    def __init__(
        self, api_key: str, *, api_base: str | None = None, currency: str = "usd", timeout_seconds: float = 8.0
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
        """See PaymentGateway. Returns the id of the PaymentIntent (pi_…)."""
        params: PaymentIntentCreateParams = {
            "amount": amount,
            "currency": self._currency,
            "confirm": True,
            # Without payment methods that redirect the buyer: this API has no page to which the buyer could return.
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "metadata": {"payment_id": payment_id},
        }
        if token.startswith("tok_"):
            params["payment_method_data"] = {
                "type": "card",
                # Stripe accepts a token here, as in PaymentMethods, for compatibility. The SDK's types do not have it.
                "card": {"token": token},  # type: ignore[typeddict-unknown-key]
            }
        else:
            params["payment_method"] = token
        async with self._asking(lambda error: charge_failure(error, key=payment_id, token=token)):
            intent = await self._stripe.payment_intents.create_async(params, {"idempotency_key": payment_id})
            if intent.status == "processing":
                # With the same key, Stripe repeats this answer for a day. Only the intent itself has the newer state.
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
                raise GatewayUnavailable(
                    f"Stripe's refund {refund.id} is {refund.status}. Refund by hand in its dashboard."
                )
            return RefundId(refund.id)

    async def close(self) -> None:
        await self._http_client.close_async()  # type: ignore[no-untyped-call] # the SDK types nearly all, not this

    @asynccontextmanager
    async def _asking(self, as_ours: Callable[[stripe.StripeError], Exception]) -> AsyncIterator[None]:
        """Limit the time of the calls to Stripe inside, and map their errors to those of the protocol."""
        try:
            async with asyncio.timeout(self._timeout_seconds):
                yield
        except stripe.StripeError as error:
            raise as_ours(error) from None
        except TimeoutError:
            raise GatewayUnavailable(f"Stripe did not answer within {self._timeout_seconds} s. Try again.") from None
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            # An answer that is not Stripe's JSON, such as the error page of a proxy, raises one of these errors.
            raise GatewayUnavailable(f"Stripe's answer cannot be read ({type(error).__name__}).") from None


def _charge_of(intent: stripe.PaymentIntent) -> ChargeId:
    if intent.status == "succeeded":
        return ChargeId(intent.id)
    if intent.status == "requires_action":
        # No client receives the intent's client secret, so the intent cannot be confirmed and charged later.
        raise CardDeclined(
            "Your card was declined. This transaction requires authentication.", "authentication_required"
        )
    if intent.status in _NOT_CHARGED:
        raise CardDeclined("Your card was declined.", "card_declined")
    raise GatewayUnavailable(f"Stripe has not decided yet: the PaymentIntent is {intent.status}. Try again.")
