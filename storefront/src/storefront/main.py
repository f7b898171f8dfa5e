"""The composition root of the storefront service. `create_app` creates all objects of the service and connects them."""

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware

from common.domain.clock import Clock, utc_now
from common.domain.tokens import TokenVerifier
from common.http.application import create_http_app
from common.http.dependencies import Dependencies
from common.messaging.retry import RetryPolicy
from common.messaging.streams import DOMAIN_EVENTS
from common.messaging.timeline import TimelineReader
from common.runtime.service_runtime import ServiceRuntime
from common.storage.batching_collection import BatchingCollection
from storefront import assets
from storefront.catching_up import CatchingUp
from storefront.consumers import CONSUMERS
from storefront.error_pages import ErrorPages
from storefront.live import routes as live
from storefront.live.feed import Feed
from storefront.live.hub import Hub
from storefront.live.limits import Limits
from storefront.order_read_model import OrderReadModelRepository
from storefront.pages import PAGES
from storefront.payment_read_model import PaymentReadModelRepository
from storefront.platform import routes as platform
from storefront.platform.audience import Audience
from storefront.platform.gauges import Gauges
from storefront.platform.past import Past
from storefront.platform.topology import read_topology
from storefront.rendering import Renderer
from storefront.service import StorefrontService
from storefront.settings import StorefrontSettings
from storefront.site import Site
from storefront.ticket_read_model import TicketReadModelRepository

_LEAST_BYTES = 1024


def create_app(
    settings: StorefrontSettings,
    *,
    clock: Clock = utc_now,
    policy: RetryPolicy | None = None,
    limits: Limits | None = None,
) -> FastAPI:
    runtime = ServiceRuntime("storefront", settings, clock=clock, policy=policy)
    database = runtime.mongo.database
    tickets = TicketReadModelRepository(BatchingCollection(database["tickets"]))
    orders = OrderReadModelRepository(BatchingCollection(database["orders"]))
    payments = PaymentReadModelRepository(BatchingCollection(database["payments"]))
    storefront = StorefrontService(tickets, orders, payments, TimelineReader(runtime.broker, [DOMAIN_EVENTS]), clock)
    hub, audience = Hub(limits or Limits()), Audience()
    catching_up = CatchingUp(runtime.broker, CONSUMERS)
    renderer = Renderer(clock, catching_up, settings.stripe_publishable_key, has_live_page=settings.live_page)
    feed = Feed(runtime.broker, CONSUMERS, storefront, hub, clock)
    feed.on_event = audience.note

    runtime.before_start(tickets.create_indexes, orders.create_indexes, payments.create_indexes)
    runtime.consume(CONSUMERS, storefront)
    runtime.in_background(feed.run, catching_up.run, Gauges(runtime.broker, read_topology(), audience).run)
    runtime.in_background(Past(runtime.broker, audience).run)
    runtime.before_drain(hub.close)
    runtime.before_drain(audience.close)
    app = create_http_app(
        Dependencies(runtime, storefront, TokenVerifier(settings.token_public_key)),
        title="Storefront",
        description="The pages of the shop. They have no API of their own.",
        pages=[*PAGES, live.router, *([platform.router] if settings.live_page else []), assets.router],
        middleware=[
            Middleware(ErrorPages, renderer=renderer),
            Middleware(GZipMiddleware, minimum_size=_LEAST_BYTES, compresslevel=5),
        ],
    )
    app.state.site = Site(renderer, hub, audience, clock)
    return app
