"""Generates the description of the platform that the storefront draws: its services, streams, events and consumers.

The storefront must not import other services. So the command `marketplace docs` writes this description to the file
topology.json, and the storefront reads this file.
"""

import json
from typing import Any

from common.domain.event import Event, Message
from common.events.catalog import MESSAGES
from common.messaging.streams import DEAD_LETTERS, STREAMS, stream_of
from marketplace.registry import CONSUMERS_OF, SERVICE_NAMES


def generate() -> str:
    consumers = [
        {
            "name": consumer.name,
            "service": service,
            "stream": consumer.stream.name,
            "events": [event.type_name() for event in consumer.on],
        }
        for service, of_service in CONSUMERS_OF.items()
        for consumer in of_service
    ]
    topology = {
        "services": list(SERVICE_NAMES),
        "streams": [stream.name for stream in STREAMS if stream != DEAD_LETTERS],
        "events": [_event(event) for event in MESSAGES.values()],
        "consumers": consumers,
    }
    return json.dumps(topology, indent=2) + "\n"


def _event(event: type[Message]) -> dict[str, Any]:
    return {
        "name": event.type_name(),
        "publisher": event.publisher,
        "stream": stream_of(event).name,
        "category": event.category.value if issubclass(event, Event) else "timer",
    }
