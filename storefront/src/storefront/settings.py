from common.runtime.token_settings import TokenSettings


class StorefrontSettings(TokenSettings):
    mongo_database: str = "storefront"
