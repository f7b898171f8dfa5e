"""Describes the tickets service in the object SPEC.

The command-line program `marketplace` and the tests read SPEC, for example to start the service or to check the data in
its database.
"""

from common.events.tickets import TicketCreated, TicketUpdated, TicketWithdrawn
from common.runtime.service_spec import AggregateSpec, ReadModelSpec, ServiceSpec
from tickets.consumers import CONSUMERS
from tickets.main import create_app
from tickets.order_read_model import OrderReadModel
from tickets.settings import TicketsSettings
from tickets.ticket import Ticket

SPEC = ServiceSpec(
    name="tickets",
    summary="List a ticket for sale, change or withdraw the listing, see what can be bought.",
    create_app=create_app,
    settings=TicketsSettings,
    consumers=CONSUMERS,
    aggregates=(AggregateSpec("tickets", Ticket, (TicketCreated, TicketUpdated, TicketWithdrawn)),),
    read_models=(ReadModelSpec("order_replicas", OrderReadModel, of="order"),),
    routes=("/api/tickets",),
)
