"""The HTTP answers that the demo reads. The demo uses only the HTTP API, and imports no class of the services."""

from typing import Self

import httpx
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel


class DemoFailed(Exception):
    """A step of the demo has failed, so the demo ends. The message says why, in one line."""


class Answer(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, frozen=True)

    @classmethod
    def read(cls, response: httpx.Response) -> Self:
        """Parse the body of the response. Raises DemoFailed if it is not JSON, or a field is missing or invalid."""
        try:
            return cls.model_validate_json(response.content)
        except ValidationError as error:
            answers = f"{response.request.method} {response.request.url.path} answers {response.status_code}"
            wrong = "; ".join(" ".join([*map(str, line["loc"]), line["msg"]]) for line in error.errors())
            raise DemoFailed(f"{answers} with a body that is not valid: {wrong}") from None


class Ticket(Answer):
    id: str
    order_id: str | None


class Order(Answer):
    id: str
    status: str
    expires_at: AwareDatetime


class Event(Answer):
    event: str
    subject: str
    at: AwareDatetime
    version: int
    cause: str | None

    @property
    def id(self) -> str:
        """The id of this event. An event that this event has caused has this id as its `cause`."""
        aggregate, *_, aggregate_id = self.subject.split(".")
        return f"{aggregate}-{aggregate_id}-{self.version}"


class Timeline(Answer):
    events: list[Event]


class Problem(Answer):
    """The body of an error response (RFC 9457). It says why the service refused the request."""

    type: str
    detail: str
