"""Creates the streams, and the durable consumers of every service.

A service can start before its consumers exist, but it is ready only after they exist.
"""

from collections.abc import Sequence
from itertools import chain

from common.messaging.broker import Broker
from common.messaging.provisioning import (
    PREFERRED_REPLICAS,
    ProvisionedStream,
    provision_consumers,
    provision_streams,
)
from marketplace.registry import CONSUMERS_OF


async def provision_everything(nats_url: str, *, replicas: int | None = None) -> list[ProvisionedStream]:
    """Create the streams and consumers that are missing, and update those whose configuration has changed.

    Resume consumers that somebody has paused. Raises ConsumersNotUpdated if NATS cannot change a setting.

    If the NATS server does not answer yet, this function waits for the server without a time limit. `replicas` is the
    number of NATS servers that store each stream. Without it, provision_streams() decides. A consumer has as many
    replicas as its stream.
    """
    broker = Broker(nats_url, "provisioning")
    await broker.connect()
    try:
        streams = await provision_streams(broker.jetstream, replicas=replicas)
        await provision_consumers(broker.jetstream, chain.from_iterable(CONSUMERS_OF.values()))
    finally:
        await broker.close()
    return streams


def replica_warnings(streams: Sequence[ProvisionedStream], *, asked: int | None = None) -> list[str]:
    """Return sentences for the operator about the streams that are stored on fewer servers than they should be.

    `asked` is the number of replicas that the operator has asked for, if any. A single server gives no warning, because
    it can store no replicas.
    """
    warnings = []
    for stream in streams:
        if stream.replicas < stream.replicas_before:
            warnings.append(
                f"{stream.name} is now stored on {_servers(stream.replicas)}, before on {stream.replicas_before}."
            )
        elif stream.is_clustered and stream.replicas < PREFERRED_REPLICAS and not asked:
            warnings.append(
                f"{stream.name} is stored on {_servers(stream.replicas)} only, because NATS has fewer than "
                f"{PREFERRED_REPLICAS} servers now. Run `marketplace provision` again when it has them."
            )
        elif stream.behind and stream.replicas == stream.replicas_before:
            warnings.append(
                f"{stream.name} keeps its {stream.replicas} replicas, but only {stream.replicas - stream.behind} of "
                f"them are up to date now. Is a NATS server down?"
            )
    return warnings


def _servers(number: int) -> str:
    return f"{number} NATS server{'s' if number > 1 else ''}"
