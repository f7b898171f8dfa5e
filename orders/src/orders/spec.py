"""Describes the orders service in the object SPEC.

The command-line program `marketplace` and the tests read SPEC, for example to start the service or to check the data in
its database.
"""

from common.events.orders import OrderCancelled, OrderCompleted, OrderCreated, OrderExtended
from common.messaging.streams import DOMAIN_EVENTS, GENERAL_EVENTS
from common.runtime.service_spec import AggregateSpec, ReadModelSpec, ServiceSpec
from orders.consumers import CONSUMERS
from orders.main import create_app
from orders.order import Order
from orders.settings import OrdersSettings
from orders.ticket_read_model import TicketReadModel

SPEC = ServiceSpec(
    name="orders",
    summary="Order a ticket, extend or cancel an order, read its timeline.",
    create_app=create_app,
    settings=OrdersSettings,
    consumers=CONSUMERS,
    aggregates=(AggregateSpec("orders", Order, (OrderCreated, OrderExtended, OrderCancelled, OrderCompleted)),),
    read_models=(ReadModelSpec("ticket_replicas", TicketReadModel, of="ticket"),),
    routes=("/api/orders",),
    reads_streams=(DOMAIN_EVENTS, GENERAL_EVENTS),
)
