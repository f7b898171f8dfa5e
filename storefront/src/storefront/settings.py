from pydantic import Field

from common.runtime.token_settings import TokenSettings


class StorefrontSettings(TokenSettings):
    mongo_database: str = "storefront"
    stripe_publishable_key: str | None = Field(
        default=None,
        pattern=r"^pk_[A-Za-z0-9_]+$",
        description="The public key of Stripe. With it, the pages show Stripe's card form, and without it, test cards.",
    )
    live_page: bool = False
    """Whether the page /live shows the inside of the platform to everybody. `make run` switches it on."""
