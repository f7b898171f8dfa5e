"""Creates the streams, and the durable consumers of every service.

A service can start before its consumers exist, but it is ready only after they exist.
"""

from common.messaging.broker import Broker
from common.messaging.provisioning import provision_consumers, provision_streams
from marketplace.registry import CONSUMERS_OF


async def provision_everything(nats_url: str, *, replicas: int = 1) -> None:
    """Create the streams and consumers that are missing, and update those whose configuration has changed.

    If the NATS server does not answer yet, this function waits for the server without a time limit. `replicas` is the
    number of NATS servers that store each stream.
    """
    broker = Broker(nats_url, "provisioning")
    await broker.connect()
    try:
        await provision_streams(broker.jetstream, replicas=replicas)
        for consumers in CONSUMERS_OF.values():
            await provision_consumers(broker.jetstream, consumers)
    finally:
        await broker.close()
