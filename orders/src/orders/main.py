"""The composition root of the orders service. `create_app` creates all objects of the service and connects them."""

from datetime import timedelta

from fastapi import FastAPI

from common.domain.clock import Clock, utc_now
from common.domain.tokens import TokenVerifier
from common.http.application import create_http_app
from common.http.dependencies import Dependencies
from common.http.idempotent_requests import IdempotentRequests
from common.messaging.retry import RetryPolicy
from common.messaging.timeline import TimelineReader
from common.runtime.service_runtime import ServiceRuntime
from common.storage.batching_collection import BatchingCollection
from orders.consumers import CONSUMERS
from orders.order import Hold
from orders.repository import OrderRepository
from orders.routes import idempotent, router
from orders.service import OrderService
from orders.settings import OrdersSettings
from orders.ticket_read_model import TicketReadModelRepository


def create_app(settings: OrdersSettings, *, clock: Clock = utc_now, policy: RetryPolicy | None = None) -> FastAPI:
    runtime = ServiceRuntime("orders", settings, clock=clock, policy=policy)
    database = runtime.mongo.database
    collection = BatchingCollection(database["orders"], lookup_by=("_id", "request_key", "ticket.id"))
    repository = OrderRepository(collection, runtime.relay, clock)
    requests = IdempotentRequests(BatchingCollection(database["idempotent_requests"]), clock)
    tickets = TicketReadModelRepository(BatchingCollection(database["ticket_replicas"]))
    hold = Hold(timedelta(seconds=settings.order_window_seconds), settings.hold_extensions)
    orders = OrderService(repository, tickets, TimelineReader(runtime.broker), clock, hold)

    runtime.before_start(repository.create_indexes, requests.create_indexes)
    runtime.consume(CONSUMERS, orders)
    return create_http_app(
        Dependencies(runtime, orders, TokenVerifier(settings.token_public_key), requests),
        title="Orders",
        description="Order a ticket, which holds it until the deadline; extend or cancel an order; read its timeline.",
        routers=[router, idempotent],
    )
