"""The composition root of orders: everything it is made of, on one screen."""

from datetime import timedelta

from fastapi import FastAPI

from common.domain.clock import Clock, utc_now
from common.http.application import create_http_app
from common.http.authentication import TokenVerifier
from common.http.idempotency import IdempotentRequests
from common.messaging.retry import RetryPolicy
from common.messaging.timeline import TimelineReader
from common.runtime.service_runtime import Service
from orders.consumers import CONSUMERS
from orders.repository import OrderRepository
from orders.routes import idempotent, router
from orders.service import OrderService
from orders.settings import OrdersSettings
from orders.ticket_read_model import TicketReadModelRepository


def create_app(settings: OrdersSettings, *, clock: Clock = utc_now, policy: RetryPolicy | None = None) -> FastAPI:
    service = Service("orders", settings, clock=clock, policy=policy)
    database = service.mongo.database
    repository = OrderRepository(database["orders"], service.relay, clock)
    requests = IdempotentRequests(database["idempotent_requests"], clock)
    read_models = TicketReadModelRepository(database["ticket_replicas"])
    window = timedelta(seconds=settings.order_window_seconds)
    orders = OrderService(repository, read_models, clock, window)

    service.before_start(repository.create_indexes, requests.create_indexes)
    service.consume(CONSUMERS, orders)
    return create_http_app(
        service,
        title="Orders",
        description="Order a ticket, which holds it until the deadline; give an order up; see what happened to it.",
        routers=[router, idempotent],
        state={
            "token_verifier": TokenVerifier(settings.token_public_key),
            "orders": orders,
            "idempotent_requests": requests,
            "timeline": TimelineReader(service.broker),
        },
    )
