"""The user aggregate, its event, and the credentials of a request."""

import json
import re

import pytest
from pydantic import ValidationError

from auth.schemas import Credentials
from auth.user import User
from common.events.users import UserRegistered
from common.http.validation_messages import validation_message

HASH = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaA"
PASSWORD = "correct horse battery"


def test_the_event_of_a_registration_has_the_address_and_not_the_password() -> None:
    user = User.register(email="Buyer@Example.com", password_hash=HASH)
    (event,) = user.recorded
    assert isinstance(event, UserRegistered)
    assert json.loads(event.to_json()) == {"id": user.id, "version": 1, "email": "buyer@example.com"}


def test_a_user_has_a_new_id_and_an_address_in_lower_case() -> None:
    user, other = (User.register(email="BÜYER@Example.COM", password_hash=HASH) for _ in range(2))
    assert user.email == "büyer@example.com"
    assert re.fullmatch(r"[0-9a-f]{24}", user.id)
    assert user.id != other.id


def test_credentials_do_not_show_the_password_when_they_are_printed() -> None:
    credentials = Credentials(email="buyer@example.com", password=PASSWORD)  # type: ignore[arg-type] # as from JSON
    for text in (repr(credentials), str(credentials), f"{credentials.password}", credentials.model_dump_json()):
        assert PASSWORD not in text
    assert credentials.password.get_secret_value() == PASSWORD


@pytest.mark.parametrize(
    ("length", "says"),
    [(0, "at least 8 characters"), (7, "at least 8 characters"), (8, ""), (128, ""), (129, "at most 128 characters")],
)
def test_a_password_has_8_to_128_characters(length: int, says: str) -> None:
    for character in ("x", "é", "🐎", "\0"):
        fields = {"email": "buyer@example.com", "password": character * length}
        if not says:
            assert Credentials.model_validate(fields).password.get_secret_value() == character * length
            continue
        with pytest.raises(ValidationError) as refused:
            Credentials.model_validate(fields)
        (error,) = refused.value.errors()
        assert (error["loc"], validation_message(error)) == (("password",), f"must have {says}")
