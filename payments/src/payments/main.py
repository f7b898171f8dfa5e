"""The composition root of payments: everything it is made of, on one screen."""

from fastapi import FastAPI

from common.domain.clock import Clock, utc_now
from common.http.application import create_http_app
from common.http.authentication import TokenVerifier
from common.http.idempotency import IdempotentRequests
from common.messaging.retry import RetryPolicy
from common.runtime.service_runtime import Service
from common.storage.collection import Database
from payments.consumers import CONSUMERS
from payments.gateway.protocol import PaymentGateway
from payments.gateway.sandbox import SandboxGateway
from payments.order_read_model import OrderReadModelRepository
from payments.repository import PaymentRepository
from payments.routes import idempotent, router
from payments.service import PaymentService
from payments.settings import PaymentsSettings

_CHARGE_SECONDS = 4.0


def create_app(
    settings: PaymentsSettings,
    *,
    clock: Clock = utc_now,
    policy: RetryPolicy | None = None,
    gateway: PaymentGateway | None = None,
) -> FastAPI:
    """Without a `gateway`, the settings choose it."""
    service = Service("payments", settings, clock=clock, policy=policy)
    database = service.mongo.database
    repository = PaymentRepository(database["payments"], service.relay, clock)
    requests = IdempotentRequests(database["idempotent_requests"], clock)
    read_models = OrderReadModelRepository(database["order_replicas"])
    gateway = gateway or choose_gateway(settings, database)
    payments = PaymentService(repository, read_models, gateway, clock)

    service.before_start(repository.create_indexes, requests.create_indexes)
    service.in_background(payments.run_recovery_job)
    service.at_stop(gateway.close)
    service.consume(CONSUMERS, payments)
    return create_http_app(
        service,
        title="Payments",
        description="Pay for an order. A charge ends in a completed order, or is refunded.",
        routers=[router, idempotent],
        state={
            "token_verifier": TokenVerifier(settings.token_public_key),
            "payments": payments,
            "idempotent_requests": requests,
        },
    )


def choose_gateway(settings: PaymentsSettings, database: Database) -> PaymentGateway:
    """Stripe if there is a key; else the sandbox, which charges nobody."""
    if settings.stripe_key is None:
        return SandboxGateway(database)
    from payments.gateway.stripe_gateway import StripeGateway  # noqa: PLC0415 - 10 MiB, which the sandbox can do without

    return StripeGateway(
        settings.stripe_key.get_secret_value(), api_base=settings.stripe_api_base, timeout_seconds=_CHARGE_SECONDS
    )
