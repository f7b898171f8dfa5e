from pydantic import Field

from common.settings import TokenSettings


class OrdersSettings(TokenSettings):
    mongo_database: str = "orders"
    order_window_seconds: int = Field(default=900, ge=1, le=86_400, description="How long an order holds its ticket.")
