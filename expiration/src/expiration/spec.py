"""Describes the expiration service in the object SPEC.

The command-line program `marketplace` and the tests read SPEC, for example to start the service or to check the data in
its database.
"""

from common.events.expiration import ExpirationCompleted
from common.runtime.service_spec import AggregateSpec, ServiceSpec
from expiration.consumers import CONSUMERS
from expiration.deadline import Deadline
from expiration.main import create_app
from expiration.settings import ExpirationSettings

SPEC = ServiceSpec(
    name="expiration",
    summary="Publishes an event when the time to pay for an order is over. It has no routes of its own.",
    create_app=create_app,
    settings=ExpirationSettings,
    consumers=CONSUMERS,
    aggregates=(AggregateSpec("deadlines", Deadline, (ExpirationCompleted,), event_per_version=False),),
)
