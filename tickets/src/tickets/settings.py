from common.settings import TokenSettings


class TicketsSettings(TokenSettings):
    mongo_database: str = "tickets"
