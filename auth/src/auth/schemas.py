"""The JSON bodies of the requests and of the answers."""

from typing import Annotated

from pydantic import EmailStr, Field, Secret, StringConstraints

from common.domain.ids import UserId
from common.http.schemas import RequestBody, ResponseBody

Password = Annotated[str, StringConstraints(min_length=8, max_length=128)]


class Credentials(RequestBody):
    email: EmailStr = Field(max_length=254, examples=["buyer@example.com"])
    # We do not use SecretStr, which is pydantic's own type for secret texts. If a SecretStr is too short, pydantic's
    # error message says that a collection has too few items, and not that a text has too few characters.
    password: Secret[Password] = Field(
        examples=["correct horse battery"], json_schema_extra={"format": "password", "writeOnly": True}
    )


class UserOut(ResponseBody):
    id: UserId
    email: str


class CurrentUserOut(ResponseBody):
    current_user: UserOut | None
