"""What the platform consists of. The command `make docs` generates topology.json from the code of all services."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self


@dataclass(frozen=True)
class EventType:
    name: str
    publisher: str
    stream: str
    category: str
    """`domain-specific`, `general` or `timer`."""


@dataclass(frozen=True)
class DurableConsumer:
    name: str
    service: str
    stream: str
    events: tuple[str, ...]

    @property
    def short_name(self) -> str:
        """The name without its first word, which is the service."""
        return self.name.removeprefix(f"{self.service}-")


@dataclass(frozen=True)
class Topology:
    services: tuple[str, ...]
    streams: tuple[str, ...]
    events: tuple[EventType, ...]
    consumers: tuple[DurableConsumer, ...]

    @classmethod
    def from_json(cls, text: str) -> Self:
        content: dict[str, Any] = json.loads(text)
        return cls(
            services=tuple(content["services"]),
            streams=tuple(content["streams"]),
            events=tuple(EventType(**event) for event in content["events"]),
            consumers=tuple(
                DurableConsumer(**{**consumer, "events": tuple(consumer["events"])})
                for consumer in content["consumers"]
            ),
        )

    def published_by(self, service: str) -> list[EventType]:
        return [event for event in self.events if event.publisher == service]

    def consumers_of(self, service: str) -> list[DurableConsumer]:
        return [consumer for consumer in self.consumers if consumer.service == service]


@cache
def read_topology() -> Topology:
    """Not at the import of this module, because `make docs` imports the storefront before it writes the file."""
    return Topology.from_json(Path(__file__).with_name("topology.json").read_text(encoding="utf-8"))
