"""What a scenario is: a promise, a way to break things, and what was checked afterwards."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from faults.world import World


class PromiseBroken(AssertionError):
    """What was promised did not happen; the message says what was seen."""


def promise(kept: bool, what: str) -> None:
    if not kept:
        raise PromiseBroken(what)


@dataclass(frozen=True)
class Outcome:
    done: str
    """What was done: "50 tickets, 200 buyers each"."""
    injected: str
    checked: str
    figures: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Scenario:
    name: str
    run: Callable[[World], Awaitable[Outcome]]
    instances: int = 2
    """Of every service."""
    order_window_seconds: int = 60
