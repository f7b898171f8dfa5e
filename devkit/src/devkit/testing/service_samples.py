"""Loads what a service has in its own folder for the tests that every service must pass.

`tests/stories.py` has STORIES: for each of its consumers, by durable name, a `Story`. A service without consumers needs
none. `tests/sample_requests.py` has REQUESTS: its `SampleRequests`. A service without routes needs none.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from common.domain.event import Message


@dataclass(frozen=True)
class Story:
    """For one consumer: the state before, and the events in the order in which they happened."""

    events: tuple[Message, ...]
    before: Callable[[Any], Awaitable[None]]
    """Creates that state. Its argument is the object of the service's use cases."""


@dataclass(frozen=True)
class SampleRequest:
    method: str
    path: str
    json: Any = None


@dataclass(frozen=True)
class SampleRequests:
    read: SampleRequest = SampleRequest("GET", "/healthz/ready")
    """A request that needs the database and changes nothing."""
    read_status: int = 200
    """The status of its normal answer."""
    creates_at: str = ""
    """The path of a POST that creates something; empty if there is none."""
    body: Mapping[str, Any] = field(default_factory=dict)
    """The body of this POST."""
    need_a_user: tuple[SampleRequest, ...] = ()
    """A request for each route that requires a signed-in user."""
    query_parameters: tuple[str, ...] = ()
    """The query parameters of a GET at `creates_at`."""
    answers: Mapping[tuple[str, str], set[str]] = field(default_factory=dict)
    """The whole API: the statuses of each operation, by method and path, without those that every request may get."""


async def nothing_before(_use_cases: object) -> None:
    """Create nothing: the story begins with its first event."""


def stories_of(service: str) -> dict[str, Story]:
    module = _from_tests(service, "stories.py")
    return dict(module.STORIES) if module else {}


def sample_requests_of(service: str) -> SampleRequests:
    module = _from_tests(service, "sample_requests.py")
    requests: SampleRequests = module.REQUESTS if module else SampleRequests()
    return requests


def _from_tests(service: str, file: str) -> ModuleType | None:
    """Import a file of the folder `tests` beside the sources of the service; None if there is no such file."""
    package = find_spec(service)
    if package is None or package.origin is None:
        raise ModuleNotFoundError(f"{service} is not installed: run `make install`")
    path = Path(package.origin).parents[2] / "tests" / file
    if not path.exists():
        return None
    found = spec_from_file_location(f"{service}.tests.{path.stem}", path)
    if found is None or found.loader is None:
        raise ImportError(f"{path} cannot be imported")
    module = module_from_spec(found)
    found.loader.exec_module(module)
    return module
