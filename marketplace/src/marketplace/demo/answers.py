"""What the platform answers, reduced to what the story looks at.

The demo judges the platform as a stranger would: it knows the HTTP contract and imports none of the platform's classes.
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from marketplace.demo.failures import StepFailed


class Wire(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", frozen=True)


class Ticket(Wire):
    id: str
    order_id: str | None


class Named(Wire):
    id: str


class Order(Wire):
    id: str
    status: str
    expires_at: AwareDatetime
    ticket: Named


class OrderPage(Wire):
    orders: list[Order]


class Payment(Wire):
    status: str


class PaymentList(Wire):
    payments: list[Payment]


class TimelineEntry(Wire):
    event: str
    subject: str
    at: AwareDatetime
    version: int
    cause: str | None


class Timeline(Wire):
    events: list[TimelineEntry]


M = TypeVar("M", bound=Wire)


@dataclass(frozen=True)
class Answer:
    """One answer, with the moment of its arrival (monotonic seconds) and how long it took (seconds)."""

    request: str
    status: int
    body: Any
    arrived: float
    took: float

    @property
    def words(self) -> str:
        """What a problem document says, to be quoted within a sentence; of a 422, each line of it."""
        if not isinstance(self.body, dict):
            return ""
        said = [self.body.get("detail") or self.body.get("title")]
        if self.status == HTTPStatus.UNPROCESSABLE_ENTITY and isinstance(self.body.get("errors"), list):
            said = [f"{line.get('field', '')} {line.get('message', '')}" for line in self.body["errors"]]
        text = "; ".join(str(line).strip().removesuffix(".") for line in said if line)
        # It is printed to a terminal, which would obey an escape sequence.
        return "".join(char if char.isprintable() else " " for char in text)

    @property
    def summary(self) -> str:
        return f"{self.request} answered {self.status}" + (f": {self.words}" if self.words else "")

    def expect(self, status: int, why: str = "") -> "Answer":
        if self.status == status:
            return self
        expected = f"{self.request} to answer {status}" + (f", {why}" if why else "")
        raise StepFailed(expected=expected, seen=self.summary)

    def read(self, model: type[M]) -> M:
        """The body as a `model`; a StepFailed names the fields that are missing or odd."""
        try:
            return model.model_validate(self.body)
        except ValidationError as error:
            odd = ", ".join(".".join(map(str, line["loc"])) or "the body" for line in error.errors())
            expected = f"{self.request} to answer as the contract says"
            raise StepFailed(expected=expected, seen=f"{self.status}, with these missing or odd: {odd}") from None
