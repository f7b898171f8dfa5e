from pydantic import Field, SecretStr

from common.runtime.token_settings import TokenSettings


class PaymentsSettings(TokenSettings):
    mongo_database: str = "payments"
    stripe_key: SecretStr | None = Field(
        default=None, description="Unset: the built-in sandbox, which moves no money, is used."
    )
    stripe_api_base: str | None = Field(default=None, pattern=r"^https?://")
