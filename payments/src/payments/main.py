"""The composition root of the payments service. `create_app` creates all objects of the service and connects them."""

from fastapi import FastAPI

from common.domain.clock import Clock, utc_now
from common.domain.tokens import TokenVerifier
from common.http.application import create_http_app
from common.http.dependencies import Dependencies
from common.http.idempotent_requests import IdempotentRequests
from common.messaging.retry import RetryPolicy
from common.runtime.service_runtime import ServiceRuntime
from common.storage.batching_collection import BatchingCollection
from common.storage.collection import Database
from payments.consumers import CONSUMERS
from payments.gateway.protocol import PaymentGateway
from payments.gateway.sandbox import SandboxGateway
from payments.gateway.stripe_gateway import StripeGateway
from payments.order_read_model import OrderReadModelRepository
from payments.recovery_job import RecoveryJob
from payments.repository import PaymentRepository
from payments.routes import idempotent, router
from payments.service import PaymentService
from payments.settings import PaymentsSettings

_CHARGE_SECONDS = 3.5


def create_app(
    settings: PaymentsSettings,
    *,
    clock: Clock = utc_now,
    policy: RetryPolicy | None = None,
    gateway: PaymentGateway | None = None,
) -> FastAPI:
    """Create the application. If `gateway` is None, the settings decide which card processor the service uses."""
    runtime = ServiceRuntime("payments", settings, clock=clock, policy=policy)
    database = runtime.mongo.database
    collection = BatchingCollection(database["payments"], lookup_by=("_id", "request_key", "order_id"))
    repository = PaymentRepository(collection, runtime.relay, clock)
    requests = IdempotentRequests(BatchingCollection(database["idempotent_requests"]), clock)
    orders = OrderReadModelRepository(BatchingCollection(database["order_replicas"]))
    gateway = gateway or choose_gateway(settings, database)
    payments = PaymentService(repository, orders, gateway, clock)

    runtime.before_start(repository.create_indexes, requests.create_indexes)
    runtime.in_background(RecoveryJob(repository, payments.finish, clock).run_forever)
    runtime.at_stop(gateway.close)
    runtime.consume(CONSUMERS, payments)
    return create_http_app(
        Dependencies(runtime, payments, TokenVerifier(settings.token_public_key), requests),
        title="Payments",
        description="Pay for an order. After a charge, the order is completed or the money is refunded.",
        routers=[router, idempotent],
    )


def choose_gateway(settings: PaymentsSettings, database: Database) -> PaymentGateway:
    """Return Stripe if the settings contain a key for Stripe. Otherwise return the sandbox, which moves no money."""
    if settings.stripe_key is None:
        charges, refunds = database["sandbox_charges"], database["sandbox_refunds"]
        return SandboxGateway(BatchingCollection(charges), BatchingCollection(refunds))
    return StripeGateway(
        settings.stripe_key.get_secret_value(), api_base=settings.stripe_api_base, timeout_seconds=_CHARGE_SECONDS
    )
