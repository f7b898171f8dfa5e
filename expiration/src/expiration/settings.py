from common.settings import ServiceSettings


class ExpirationSettings(ServiceSettings):
    mongo_database: str = "expiration"
