from pydantic import Field

from common.runtime.token_settings import TokenSettings

LONGEST_WINDOW_SECONDS = 86_400


class OrdersSettings(TokenSettings):
    mongo_database: str = "orders"
    order_window_seconds: int = Field(
        default=900, ge=1, le=LONGEST_WINDOW_SECONDS, description="How long an order holds its ticket."
    )
    hold_extensions: int = Field(default=3, ge=0, le=20, description="How often a buyer may extend an order.")
