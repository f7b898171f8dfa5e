from common.token_settings import TokenSettings


class TicketsSettings(TokenSettings):
    mongo_database: str = "tickets"
