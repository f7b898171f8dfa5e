"""The real card processor: Stripe's PaymentIntents, created and confirmed in one call."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import stripe
from stripe.params import PaymentIntentCreateParams

from common.domain.ids import PaymentId
from payments.gateway.protocol import CardDeclined, ChargeId, GatewayUnavailable, RefundId
from payments.gateway.stripe_errors import charge_failure, refund_failure

# The SDK would write an identifier into the home directory, and send it and the platform's name with each request.
stripe.enable_telemetry = False

MAX_NETWORK_RETRIES = 2
"""Retries of one call by the SDK, under the same idempotency key, where the connection fails or Stripe has a 5xx."""

_NOT_CHARGED = ("requires_payment_method", "requires_confirmation", "requires_capture", "canceled")


class StripeGateway:
    """One call takes at most `timeout_seconds`, the SDK's retries included; then its outcome counts as unknown.

    The key is held by the SDK alone, so that no repr of ours shows it. Errors are raised `from None`: the frames that
    they come from hold it too, and a traceback that renders local variables would print it.
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
        """See PaymentGateway. The id that it answers is the PaymentIntent's (pi_…)."""
        params: PaymentIntentCreateParams = {
            "amount": amount,
            "currency": self._currency,
            "confirm": True,
            # Without the methods that send the buyer to another page and back: this API has no page to come back to.
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "metadata": {"payment_id": payment_id},
        }
        if token.startswith("tok_"):
            params["payment_method_data"] = {
                "type": "card",
                # Stripe takes a token here as in PaymentMethods, for compatibility; the SDK's types leave it out.
                "card": {"token": token},  # type: ignore[typeddict-unknown-key]
            }
        else:
            params["payment_method"] = token
        async with self._asking(lambda error: charge_failure(error, key=payment_id, token=token)):
            intent = await self._stripe.payment_intents.create_async(params, {"idempotency_key": payment_id})
            if intent.status == "processing":
                # The same key is answered with the same state for a day: only the intent itself tells how it went on.
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
        """Bound what is asked of Stripe within, and turn whatever goes wrong there into our own errors."""
        try:
            async with asyncio.timeout(self._timeout_seconds):
                yield
        except stripe.StripeError as error:
            raise as_ours(error) from None
        except TimeoutError:
            raise GatewayUnavailable(f"Stripe did not answer within {self._timeout_seconds} s. Try again.") from None
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            # What is not Stripe's JSON, an error page of a proxy perhaps, ends in one of these, in the SDK or above.
            raise GatewayUnavailable(f"Stripe's answer cannot be read ({type(error).__name__}).") from None


def _charge_of(intent: stripe.PaymentIntent) -> ChargeId:
    if intent.status == "succeeded":
        return ChargeId(intent.id)
    if intent.status == "requires_action":
        # Nobody is given the intent's client secret, so that it stays like this: it cannot be charged later.
        raise CardDeclined(
            "Your card was declined. This transaction requires authentication.", "authentication_required"
        )
    if intent.status in _NOT_CHARGED:
        raise CardDeclined("Your card was declined.", "card_declined")
    raise GatewayUnavailable(f"Stripe has not decided yet: the PaymentIntent is {intent.status}. Try again.")
