from common.runtime.settings import ServiceSettings


class ExpirationSettings(ServiceSettings):
    mongo_database: str = "expiration"
