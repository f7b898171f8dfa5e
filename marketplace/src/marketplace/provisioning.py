"""Creates the streams, and the durable consumers of every service. It runs before the services start."""

from common.messaging.broker import Broker
from common.messaging.provisioning import provision_consumers, provision_streams
from marketplace.registry import CONSUMERS_OF


async def provision_everything(nats_url: str, *, replicas: int = 1) -> None:
    """Create what is missing and update what has changed. Waits for a server that does not answer yet."""
    broker = Broker(nats_url, "provisioning")
    await broker.connect()
    try:
        await provision_streams(broker.jetstream, replicas=replicas)
        for consumers in CONSUMERS_OF.values():
            await provision_consumers(broker.jetstream, consumers)
    finally:
        await broker.close()
