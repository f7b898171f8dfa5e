"""Reads the settings from environment variables.

If required variables are missing, or if variables are invalid, the program prints one line for each of them and exits.
"""

import re
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Annotated, NoReturn, TypeVar

from pydantic import AfterValidator, Field, ValidationError, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict
from pymongo.errors import PyMongoError
from pymongo.uri_parser import parse_uri

from common.http.validation_messages import validation_message
from common.messaging.nats_url import parse_nats_url
from common.runtime.logging import LogFormat, LogLevel
from common.storage.mongo import MongoDriver

S = TypeVar("S", bound=BaseSettings)


def checked_by(parse: Callable[[str], object]) -> AfterValidator:
    """Make a validator that checks the text of a setting with `parse`.

    The validator does not change the text. If `parse` raises ValueError, the operator sees the message of this error.
    """

    def check(text: str) -> str:
        try:
            parse(text)
        except ValueError as error:
            raise PydanticCustomError("setting", "{reason}", {"reason": str(error)}) from None
        return text

    return AfterValidator(check)


def _parse_mongo_url(url: str) -> None:
    # We ignore the errors of parse_uri, because their messages may contain a part of the password. We raise our own
    # error below instead.
    with suppress(PyMongoError, ValueError, OSError):
        # We do not check a URL that begins with mongodb+srv. For such a URL, parse_uri would send a DNS query. If DNS
        # did not answer, a correct URL would be refused.
        if url.startswith("mongodb+srv://") or parse_uri(url):
            return
    raise ValueError("must be mongodb://[user:password@]host[:port][/?options], user and password percent-encoded")


Port = Annotated[int, Field(ge=1, le=65535)]


class ServiceSettings(BaseSettings):
    """The settings that every service has."""

    model_config = SettingsConfigDict(env_ignore_empty=True, hide_input_in_errors=True)

    host: str = "127.0.0.1"
    port: Port
    mongo_url: Annotated[str, checked_by(_parse_mongo_url)]
    mongo_database: str
    mongo_driver: MongoDriver = "motor"
    nats_url: Annotated[str, checked_by(parse_nats_url)]
    log_level: LogLevel = "info"
    log_format: LogFormat = "json"

    # The settings class of each service declares this field again, as `mongo_database: str`, to set its own default. If
    # the check were a part of the field's type here, the new declaration would remove it. A field_validator stays.
    @field_validator("mongo_database")
    @classmethod
    def _check_database_name(cls, name: str) -> str:
        if not re.fullmatch(r"[a-z0-9_-]{1,38}", name):
            raise PydanticCustomError("setting", "must have 1 to 38 characters, each one of a-z, 0-9, _ and -")
        return name


def load_settings(settings_type: type[S]) -> S:
    """Read the settings.

    If a required setting is missing, or if a setting is invalid, print one line for each such setting, and exit with
    status 2.
    """
    try:
        return settings_type()
    except ValidationError as error:
        _stop(error)


def _stop(error: ValidationError) -> NoReturn:
    for problem in error.errors(include_url=False, include_input=False):  # do not show the input, which may be a secret
        name = "_".join(str(part) for part in problem["loc"]).upper()
        sys.stderr.write(f"{name}: {validation_message(problem)}\n")
    sys.exit(2)
