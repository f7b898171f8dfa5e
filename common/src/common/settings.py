"""Settings come from environment variables alone; a bad one stops the start with one line that names it."""

import sys
from typing import Annotated, NoReturn, TypeVar

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from common.logging import LogFormat, LogLevel
from common.mongo import MongoDriver

S = TypeVar("S", bound=BaseSettings)

Port = Annotated[int, Field(ge=1, le=65535)]


class ServiceSettings(BaseSettings):
    """What every service needs to know."""

    model_config = SettingsConfigDict(env_ignore_empty=True, hide_input_in_errors=True)

    host: str = "127.0.0.1"
    port: Port
    mongo_url: str = Field(pattern=r"^mongodb(\+srv)?://", description="mongodb://…")
    mongo_database: str = Field(pattern=r"^[a-z0-9_-]{1,38}$")
    mongo_driver: MongoDriver = "motor"
    nats_url: str = Field(pattern=r"^(nats|tls)://", description="nats://…")
    log_level: LogLevel = "info"
    log_format: LogFormat = "json"


class TokenSettings(ServiceSettings):
    """Of a service that has to know who is asking."""

    token_public_key: str = Field(pattern=r"^-----BEGIN PUBLIC KEY-----", description="Ed25519, PEM.")


def load_settings(settings_type: type[S]) -> S:
    """Read them, or end the process with status 2 and one line for each variable that is missing or wrong."""
    try:
        return settings_type()
    except ValidationError as error:
        _stop(error)


def _stop(error: ValidationError) -> NoReturn:
    # include_input=False: a value may be a secret.
    for problem in error.errors(include_url=False, include_context=False, include_input=False):
        name = "_".join(str(part) for part in problem["loc"]).upper()
        sys.stderr.write(f"{name}: {problem['msg']}\n")
    sys.exit(2)
