"""Making the streams, and the durable consumers of every service, before the services start."""

from typing import Any

import expiration.consumers
import orders.consumers
import payments.consumers
import tickets.consumers
from common.messaging.broker import Broker
from common.messaging.consumer import Consumer
from common.messaging.provisioning import provision_consumers, provision_streams

CONSUMERS_OF: dict[str, tuple[Consumer[Any], ...]] = {
    "auth": (),
    "tickets": tickets.consumers.CONSUMERS,
    "orders": orders.consumers.CONSUMERS,
    "expiration": expiration.consumers.CONSUMERS,
    "payments": payments.consumers.CONSUMERS,
}
"""By service. Only this package may look into all of them."""


async def provision_everything(nats_url: str, *, replicas: int = 1) -> None:
    """Create what is missing and update what has changed; waits for a server that is not there yet."""
    broker = Broker(nats_url, "provisioning")
    await broker.connect()
    try:
        await provision_streams(broker.jetstream, replicas=replicas)
        for consumers in CONSUMERS_OF.values():
            await provision_consumers(broker.jetstream, consumers)
    finally:
        await broker.close()
