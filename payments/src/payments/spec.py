"""Describes the payments service in the object SPEC.

The command-line program `marketplace` and the tests read SPEC, for example to start the service or to check the data in
its database.
"""

from common.events.payments import PaymentCreated, PaymentRefunded
from common.runtime.service_spec import AggregateSpec, ReadModelSpec, ServiceSpec
from payments.consumers import CONSUMERS
from payments.main import create_app
from payments.order_read_model import OrderReadModel
from payments.payment import Payment
from payments.settings import PaymentsSettings

SPEC = ServiceSpec(
    name="payments",
    summary="Pay for an order.",
    create_app=create_app,
    settings=PaymentsSettings,
    consumers=CONSUMERS,
    aggregates=(AggregateSpec("payments", Payment, (PaymentCreated, PaymentRefunded), event_per_version=False),),
    read_models=(ReadModelSpec("order_replicas", OrderReadModel, of="order"),),
    other_collections=("sandbox_charges", "sandbox_refunds"),
    routes=("/api/payments",),
)
