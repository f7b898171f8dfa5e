"""One problem that the audit has found."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Difference:
    """Says which rule is broken, which aggregate breaks the rule, and what is wrong."""

    rule: str
    subject: str | None
    """The id of the aggregate that breaks the rule. None if the difference is about all aggregates together."""
    detail: str

    def as_json(self) -> dict[str, str | None]:
        return {"rule": self.rule, "id": self.subject, "detail": self.detail}
