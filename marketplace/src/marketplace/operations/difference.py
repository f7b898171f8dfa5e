"""One finding of the audit."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Difference:
    """A rule that is broken, and where."""

    rule: str
    subject: str | None
    """The id of the aggregate that it is about; None if it is about all of them together."""
    detail: str

    def as_json(self) -> dict[str, str | None]:
        return {"rule": self.rule, "id": self.subject, "detail": self.detail}
