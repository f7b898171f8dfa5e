"""The recovery job. It finishes payments that a request or the handler of an event could not finish.

For example, the process died during the payment, or the card processor did not answer (ADR 0008).
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog

from common.domain.clock import Clock, is_within
from common.domain.errors import BadInput, DependencyUnavailable, PermanentFailure, UnreadableDocument
from common.domain.ids import PaymentId
from common.storage.availability import DatabaseError
from payments.payment import CardRefused, OrderNotOpen, Payment, PaymentStatus
from payments.repository import PaymentRepository

log = structlog.get_logger()

_ABANDONED_AFTER = timedelta(seconds=10)
"""If a payment began longer ago than this time and is not finished, the recovery job continues it.

After this time, the request that began the payment cannot run any more, because its time limit is shorter (MAX_SECONDS
in common.http.middleware).
"""
_KEY_IS_KEPT_FOR = timedelta(hours=20)
"""How long we rely on Stripe to keep the idempotency key of a charge. The time starts when the payment begins.

After this time, the recovery job does not repeat the charge, and logs an error for a person. Stripe may forget a key
after 24 hours, and would then charge the card a second time. So our limit is less than 24 hours.
"""
_RECOVERY_SECONDS = 5.0
_LONGEST_PAUSE_SECONDS = 600.0


@dataclass(frozen=True)
class _Failed:
    """The failed attempts to finish one payment."""

    attempts: int
    try_again_at: float
    """The time of the next attempt, by a monotonic clock."""


class RecoveryJob:
    """Tries again and again to finish the open payments.

    After each failed attempt, it pauses longer before the next attempt for the same payment: 5 s, 10 s, 20 s and so on,
    up to 10 minutes. So many payments that cannot be finished do not block the others, and do not fill the log.
    """

    def __init__(
        self, payments: PaymentRepository, finish: Callable[[PaymentId], Awaitable[Payment]], clock: Clock
    ) -> None:
        self._payments = payments
        self._finish = finish
        self._clock = clock
        self._failed: dict[str, _Failed] = {}
        """The open payments that could not be finished yet, by their id."""

    async def run_forever(self) -> None:
        while True:
            try:
                await self.recover_open_payments()
            except DatabaseError as error:
                log.warning("recovery of open payments stopped, trying again later", reason=str(error))
            await asyncio.sleep(_RECOVERY_SECONDS)

    async def recover_open_payments(self) -> None:
        """Try to finish all payments that began longer ago than `_ABANDONED_AFTER` and are still open (not finished).

        Leave out the payments whose pause after a failed attempt is not over.
        """
        failed: dict[str, _Failed] = {}
        async for page in self._payments.find_open():
            for payment in page:
                before = self._failed.get(payment.id)
                if before is not None and before.try_again_at > _monotonic():
                    failed[payment.id] = before
                    continue
                abandoned = not is_within(_ABANDONED_AFTER, payment.begun_at, self._clock())
                if abandoned and not await self._recover(payment):
                    failed[payment.id] = _after_one_more(before)
        self._failed = failed

    async def _recover(self, payment: Payment) -> bool:
        """Try to finish one payment. Return False if this has failed.

        If the payment is pending and older than `_KEY_IS_KEPT_FOR`, do not try, because Stripe may have forgotten the
        idempotency key and could charge the card twice. Log an error instead, so that a person looks at the payment.

        If the attempt fails, log the reason, so that the recovery job continues with the other payments. But if the
        database fails, raise its error, because without the database the job cannot finish any payment.
        """
        if payment.status is PaymentStatus.PENDING and payment.begun_at < self._clock() - _KEY_IS_KEPT_FOR:
            log.error("open payment needs a person: find out whether it was charged", payment=payment.id)
            return False
        try:
            await self._finish(PaymentId(payment.id))
        except (CardRefused, BadInput, OrderNotOpen) as ended:
            log.info("open payment finished", payment=payment.id, outcome=ended.code)
        except UnreadableDocument:
            return False  # the log names the document already
        except PermanentFailure as refusal:
            reason = str(refusal)
            log.error("open payment needs a person: it cannot be refunded", payment=payment.id, reason=reason)  # noqa: TRY400 - a traceback would not help
            return False
        except DependencyUnavailable as error:
            log.warning("open payment not finished", payment=payment.id, reason=error.detail)
            return False
        except DatabaseError:
            raise  # without the database, the job cannot finish any payment
        except Exception:
            log.exception("open payment not finished", payment=payment.id)
            return False
        return True


def _after_one_more(before: _Failed | None) -> _Failed:
    attempts = 1 if before is None else before.attempts + 1
    pause = min(_RECOVERY_SECONDS * 2 ** (attempts - 1), _LONGEST_PAUSE_SECONDS)
    return _Failed(attempts, _monotonic() + pause)


def _monotonic() -> float:
    return asyncio.get_running_loop().time()
