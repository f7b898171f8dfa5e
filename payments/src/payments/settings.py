from pydantic import Field, SecretStr

from common.runtime.token_settings import TokenSettings


class PaymentsSettings(TokenSettings):
    mongo_database: str = "payments"
    stripe_key: SecretStr | None = Field(
        default=None,
        description="The secret key of Stripe. Without a key, the service uses its sandbox, which moves no money.",
    )
    stripe_api_base: str | None = Field(default=None, pattern=r"^https?://")
