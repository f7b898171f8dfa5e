"""One problem that the audit has found."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Difference:
    """Contains the rule that is broken, the id of the aggregate that breaks it, and a text that says what is wrong."""

    rule: str
    subject: str | None
    """The id of the aggregate that breaks the rule. None if no single aggregate breaks it."""
    detail: str

    def as_json(self) -> dict[str, str | None]:
        return {"rule": self.rule, "id": self.subject, "detail": self.detail}
