from common.runtime.token_settings import TokenSettings


class TicketsSettings(TokenSettings):
    mongo_database: str = "tickets"
