"""Loads the samples of a service for the tests that every service must pass.

The samples are in two files in the folder `tests` of the service:

- `stories.py` contains the dict STORIES. For each consumer (a handler that receives events), it has one `Story` with
  sample events. The keys are the names of the consumers. A service without consumers does not need this file.
- `sample_requests.py` contains REQUESTS, which is a `SampleRequests` object. A service without routes does not need
  this file.
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
    """Sample events for one consumer (a handler that receives events), in the order in which they happened."""

    events: tuple[Message, ...]
    before: Callable[[Any], Awaitable[None]]
    """A test calls this function before the first event. The function creates the state that the handler needs.

    Its argument is the object with the use cases of the service.
    """


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
    """The HTTP status of the answer to `read` when the service works normally."""
    creates_at: str = ""
    """The path of a POST request that creates something. It is empty if the service has no such request."""
    body: Mapping[str, Any] = field(default_factory=dict)
    """The body of the POST request to `creates_at`."""
    need_a_user: tuple[SampleRequest, ...] = ()
    """One request for each route that requires a signed-in user."""
    query_parameters: tuple[str, ...] = ()
    """The names of the query parameters of a GET request to `creates_at`."""
    answers: Mapping[tuple[str, str], set[str]] = field(default_factory=dict)
    """The HTTP statuses that each operation of the API can answer with.

    The key is the method and the path of the operation. Statuses that every operation can answer with are left out.
    """


async def nothing_before(_use_cases: object) -> None:
    """Do nothing. Use this function as `before` of a Story whose handler needs no state before the first event."""


def stories_of(service: str) -> dict[str, Story]:
    module = _from_tests(service, "stories.py")
    return dict(module.STORIES) if module else {}


def sample_requests_of(service: str) -> SampleRequests:
    module = _from_tests(service, "sample_requests.py")
    requests: SampleRequests = module.REQUESTS if module else SampleRequests()
    return requests


def _from_tests(service: str, file: str) -> ModuleType | None:
    """Import a file from the folder `tests` of the service, and return the module. Return None if there is no file."""
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
