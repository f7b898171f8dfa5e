"""Describes the storefront service in the object SPEC.

The command-line program `marketplace` and the tests read SPEC, for example to start the service or to check the data in
its database.
"""

from common.events.expiration import ExpirationCompleted
from common.messaging.streams import DOMAIN_EVENTS
from common.runtime.service_spec import ReadModelSpec, ServiceSpec
from storefront.consumers import CONSUMERS
from storefront.main import create_app
from storefront.order_read_model import OrderReadModel
from storefront.payment_read_model import PaymentReadModel
from storefront.settings import StorefrontSettings
from storefront.ticket_read_model import TicketReadModel

SPEC = ServiceSpec(
    name="storefront",
    summary="The pages of the shop, which people use in a browser.",
    create_app=create_app,
    settings=StorefrontSettings,
    consumers=CONSUMERS,
    read_models=(
        ReadModelSpec("tickets", TicketReadModel, of="ticket"),
        ReadModelSpec("orders", OrderReadModel, of="order"),
        ReadModelSpec("payments", PaymentReadModel, of="payment"),
    ),
    routes=("/tickets", "/orders", "/sell", "/selling", "/signin", "/signup", "/live", "/assets"),
    exact_routes=("/",),
    event_routes=("/live/events", "/live/platform"),
    reads_streams=(DOMAIN_EVENTS,),
    reads_newest=(ExpirationCompleted,),
    follows=DOMAIN_EVENTS,
    watches_platform=True,
)
