"""The composition root of the tickets service. `create_app` creates all objects of the service and connects them."""

from fastapi import FastAPI

from common.domain.clock import Clock, utc_now
from common.domain.tokens import TokenVerifier
from common.http.application import create_http_app
from common.http.dependencies import Dependencies
from common.http.idempotent_requests import IdempotentRequests
from common.messaging.retry import RetryPolicy
from common.runtime.service_runtime import ServiceRuntime
from common.storage.batching_collection import BatchingCollection
from tickets.consumers import CONSUMERS
from tickets.order_read_model import OrderReadModelRepository
from tickets.repository import TicketRepository
from tickets.routes import idempotent, router
from tickets.service import TicketService
from tickets.settings import TicketsSettings


def create_app(settings: TicketsSettings, *, clock: Clock = utc_now, policy: RetryPolicy | None = None) -> FastAPI:
    runtime = ServiceRuntime("tickets", settings, clock=clock, policy=policy)
    database = runtime.mongo.database
    collection = BatchingCollection(database["tickets"], lookup_by=("_id", "request_key"))
    repository = TicketRepository(collection, runtime.relay, clock)
    requests = IdempotentRequests(BatchingCollection(database["idempotent_requests"]), clock)
    orders = OrderReadModelRepository(BatchingCollection(database["order_replicas"], lookup_by=("_id", "ticket_id")))
    tickets = TicketService(repository, orders, clock)

    runtime.before_start(repository.create_indexes, orders.create_indexes, requests.create_indexes)
    runtime.consume(CONSUMERS, tickets)
    return create_http_app(
        Dependencies(runtime, tickets, TokenVerifier(settings.token_public_key), requests),
        title="Tickets",
        description="List a ticket for sale, change or withdraw it while no order holds it, see what can be bought.",
        routers=[router, idempotent],
    )
