"""The composition root of expiration: everything it is made of, on one screen."""

from fastapi import FastAPI

from common.domain.clock import Clock, utc_now
from common.http.application import create_http_app
from common.messaging.retry import RetryPolicy
from common.runtime.service_runtime import Service
from expiration.consumers import CONSUMERS
from expiration.repository import DeadlineRepository
from expiration.service import ExpirationService
from expiration.settings import ExpirationSettings
from expiration.timers import TimerScheduler


def create_app(settings: ExpirationSettings, *, clock: Clock = utc_now, policy: RetryPolicy | None = None) -> FastAPI:
    service = Service("expiration", settings, clock=clock, policy=policy)
    repository = DeadlineRepository(service.mongo.database["deadlines"], service.relay, clock)
    expiration = ExpirationService(repository, TimerScheduler(service.publisher), clock)

    service.before_start(repository.create_indexes)
    service.in_background(expiration.keep_timers_set)
    service.consume(CONSUMERS, expiration)
    return create_http_app(
        service,
        title="Expiration",
        description="Tells when an order's time to pay has run out. It has no API of its own: it listens and speaks "
        "through events.",
    )
