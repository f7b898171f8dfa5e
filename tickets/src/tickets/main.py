"""The composition root of tickets: everything it is made of, on one screen."""

from fastapi import FastAPI

from common.domain.clock import Clock, utc_now
from common.http.application import create_http_app
from common.http.authentication import TokenVerifier
from common.messaging.retry import RetryPolicy
from common.runtime.service_runtime import Service
from tickets.consumers import CONSUMERS
from tickets.order_read_model import OrderReadModelRepository
from tickets.repository import TicketRepository
from tickets.routes import router
from tickets.service import TicketService
from tickets.settings import TicketsSettings


def create_app(settings: TicketsSettings, *, clock: Clock = utc_now, policy: RetryPolicy | None = None) -> FastAPI:
    service = Service("tickets", settings, clock=clock, policy=policy)
    database = service.mongo.database
    repository = TicketRepository(database["tickets"], service.relay, clock)
    read_models = OrderReadModelRepository(database["order_replicas"])
    tickets = TicketService(repository, read_models)

    service.before_start(repository.create_indexes, read_models.create_indexes)
    service.consume(CONSUMERS, tickets)
    return create_http_app(
        service,
        title="Tickets",
        description="List a ticket for sale, change the listing while nobody holds it, see what can be bought.",
        routers=[router],
        state={"token_verifier": TokenVerifier(settings.token_public_key), "tickets": tickets},
    )
