"""The settings of a platform on one machine. The platform reads all of them from environment variables."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from common.messaging.nats_url import parse_nats_url
from marketplace.errors import BadSettings
from marketplace.probes import host_and_port, hosts_of

_MAY_HOLD_SECRETS = {"MONGO_URL", "NATS_URL", "STRIPE_KEY"}


def _folder(path: Path) -> Path:
    path = path.expanduser().absolute()
    if path.exists() and not path.is_dir():
        raise ValueError("not a folder")
    return path


def _mongo_address(url: str) -> str:
    for place in hosts_of(url):
        host_and_port(place, url.partition("://")[0])
    return url


def _nats_address(url: str) -> str:
    parse_nats_url(url)
    return url


def _digits(value: object) -> object:
    if isinstance(value, str) and not value.isdecimal():
        raise ValueError("not a whole number")
    return value


def _secret_key(key: SecretStr) -> SecretStr:
    if not key.get_secret_value().startswith(("sk_", "rk_")):
        raise ValueError("not a secret key of Stripe")
    return key


class PlatformSettings(BaseSettings):
    """The settings of a platform on one machine, with their defaults and their allowed values.

    If the value of an environment variable is not allowed, from_environment() raises BadSettings. For this variable,
    the error message says "it must be", followed by the description of the field.
    """

    model_config = SettingsConfigDict(env_ignore_empty=True, hide_input_in_errors=True)

    # The other processes use the ports above this port, and no port can be higher than 65535. So the maximum here is
    # 65000, which leaves 535 ports for the other processes.
    gateway_port: Annotated[int, BeforeValidator(_digits)] = Field(
        8080, ge=1024, le=65_000, description="a port from 1024 to 65000"
    )
    data_dir: Annotated[
        Path, AfterValidator(_folder), Field(description="a folder, or a path where one can be created")
    ] = Path(".data")
    order_window_seconds: Annotated[int, BeforeValidator(_digits)] = Field(
        900, ge=1, le=86_400, description="a whole number from 1 to 86400"
    )
    hold_extensions: Annotated[int, BeforeValidator(_digits)] = Field(
        3, ge=0, le=20, description="a whole number from 0 to 20"
    )
    mongo_url: Annotated[str, AfterValidator(_mongo_address)] | None = Field(
        None, pattern=r"^mongodb(\+srv)?://.", description="the address of a MongoDB: mongodb://host:port, or +srv"
    )
    nats_url: Annotated[str, AfterValidator(_nats_address)] | None = Field(
        None,
        description="the address of a NATS server: nats://host:port, or tls://. Several addresses are separated by "
        "commas and have the same user and password",
    )
    mongo_driver: Literal["motor", "pymongo"] = Field("motor", description="motor or pymongo")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="debug, info, warning or error")
    log_format: Literal["json", "text"] = Field("text", description="json or text")
    stripe_key: Annotated[SecretStr, AfterValidator(_secret_key)] | None = Field(
        None, description="a secret key of Stripe (sk_… or rk_…); without one, a sandbox is used"
    )
    stripe_publishable_key: str | None = Field(
        None, pattern=r"^pk_[A-Za-z0-9_]+$", description="a publishable key of Stripe (pk_…)"
    )
    stripe_api_base: str | None = Field(None, pattern=r"^https?://.", description="the address of Stripe's API")
    live_page: Literal["on", "off"] = Field("on", description="on or off")

    @classmethod
    def from_environment(cls) -> Self:
        """Read the environment variables. Raises BadSettings if a value is not allowed."""
        try:
            settings = cls()
        except ValidationError as error:
            fields = {str(problem["loc"][0]): problem["input"] for problem in error.errors()}
            raise BadSettings("\n".join(cls._refusal(name, value) for name, value in fields.items())) from None
        if (settings.stripe_key is None) != (settings.stripe_publishable_key is None):
            raise BadSettings(
                "STRIPE_KEY and STRIPE_PUBLISHABLE_KEY belong together: payments charges cards with the first, and the "
                "shop shows Stripe's card form with the second. Set both of them, or none."
            )
        return settings

    @classmethod
    def _refusal(cls, field: str, value: object) -> str:
        name = field.upper()
        shown = "its value" if name in _MAY_HOLD_SECRETS else f"'{value}'"
        return f"{name}: {shown} is not allowed; it must be {cls.model_fields[field].description}."

    @property
    def stripe_keys(self) -> dict[str, str]:
        """The two keys of a Stripe account by the names of their variables, or nothing."""
        if self.stripe_key is None or self.stripe_publishable_key is None:
            return {}
        return {
            "STRIPE_KEY": self.stripe_key.get_secret_value(),
            "STRIPE_PUBLISHABLE_KEY": self.stripe_publishable_key,
        }

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.gateway_port}"

    @property
    def logs(self) -> Path:
        return self.data_dir / "logs"
