"""The composition root of the expiration service. `create_app` creates all objects of the service and connects them."""

from fastapi import FastAPI

from common.domain.clock import Clock, utc_now
from common.http.application import create_http_app
from common.http.dependencies import Dependencies
from common.messaging.retry import RetryPolicy
from common.runtime.service_runtime import ServiceRuntime
from common.storage.batching_collection import BatchingCollection
from expiration.consumers import CONSUMERS
from expiration.repository import DeadlineRepository
from expiration.service import ExpirationService
from expiration.settings import ExpirationSettings
from expiration.timers import TimerScheduler


def create_app(settings: ExpirationSettings, *, clock: Clock = utc_now, policy: RetryPolicy | None = None) -> FastAPI:
    runtime = ServiceRuntime("expiration", settings, clock=clock, policy=policy)
    deadlines = DeadlineRepository(BatchingCollection(runtime.mongo.database["deadlines"]), runtime.relay, clock)
    expiration = ExpirationService(deadlines, TimerScheduler(runtime.publisher), clock)

    runtime.before_start(deadlines.create_indexes)
    runtime.in_background(expiration.keep_timers_set)
    runtime.consume(CONSUMERS, expiration)
    return create_http_app(
        Dependencies(runtime, expiration),
        title="Expiration",
        description="Publishes an event when the time to pay for an order is over. It has no routes of its own.",
    )
