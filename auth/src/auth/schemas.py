"""The bodies of requests and answers."""

from pydantic import EmailStr, Field, SecretStr

from common.http.schemas import RequestBody, ResponseBody
from common.ids import UserId


class Credentials(RequestBody):
    email: EmailStr = Field(max_length=254, examples=["buyer@example.com"])
    password: SecretStr = Field(min_length=8, max_length=128, examples=["correct horse battery"])


class UserOut(ResponseBody):
    id: UserId
    email: str


class CurrentUserOut(ResponseBody):
    current_user: UserOut | None
