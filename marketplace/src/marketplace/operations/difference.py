"""One problem that the audit (the command `marketplace audit`) has found in the data of the services."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Difference:
    """A problem that the audit has found. The stored data of the services do not follow a rule.

    `rule` is the name of this rule, for example "one live order per ticket".

    `detail` is a text that tells the operator what is wrong.
    """

    rule: str
    subject: str | None
    """The id of the aggregate (for example the order) that breaks the rule.

    None if the audit cannot say which aggregate breaks the rule.
    """
    detail: str

    def as_json(self) -> dict[str, str | None]:
        return {"rule": self.rule, "id": self.subject, "detail": self.detail}
