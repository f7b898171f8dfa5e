"""The user aggregate. It contains the e-mail address and the password hash of a user."""

from typing import Self

from common.domain.aggregate import Aggregate
from common.domain.errors import Conflict, NotSignedIn
from common.domain.ids import UserId, new_id
from common.events.users import UserRegistered


class EmailTaken(Conflict):
    """Another user has this e-mail address. Upper and lower case make no difference."""

    code = "email-taken"
    title = "This e-mail address is taken"


class WrongCredentials(NotSignedIn):
    """The e-mail address is unknown, or the password is wrong.

    The answer is the same in both cases, and takes the same time. So the answer does not show whether the address is
    known.
    """

    code = "wrong-credentials"
    title = "Wrong e-mail address or password"


class User(Aggregate[UserRegistered]):
    email: str
    """The e-mail address in lower case."""
    password_hash: str

    @classmethod
    def register(cls, *, email: str, password_hash: str) -> Self:
        user = cls(id=UserId(new_id()), email=email.lower(), password_hash=password_hash)
        user._change(UserRegistered)
        return user

    def to_event(self, event_type: type[UserRegistered]) -> UserRegistered:
        return event_type(id=self.id, version=self.version, email=self.email)

    def current_event(self) -> UserRegistered:
        return self.to_event(UserRegistered)
