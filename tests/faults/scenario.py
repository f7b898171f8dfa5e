"""A scenario: it injects a fault, and checks a promise afterwards."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from faults.context import ScenarioContext, StartServers


class PromiseBroken(AssertionError):
    """A promise was broken; the message says what was seen."""


def require(condition: bool, message: str) -> None:
    if not condition:
        raise PromiseBroken(message)


@dataclass(frozen=True)
class Outcome:
    done: str
    """What the simulated users did, such as "50 tickets, 200 buyers each"."""
    injected: str
    checked: str
    figures: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Scenario:
    name: str
    run: Callable[[ScenarioContext], Awaitable[Outcome]]
    instances: int = 2
    """The number of instances of each service."""
    order_window_seconds: int = 60
    start_servers: StartServers | None = None
    """Starts the servers that the platform uses instead of its own ones."""
    seeds: int = 1
    """With how many seeds the full run plays it. Each has a platform of its own."""
    linux_only: bool = False
    """True if the fault cannot be injected on other systems."""
