from pydantic import Field, SecretStr

from common.settings import TokenSettings


class AuthSettings(TokenSettings):
    mongo_database: str = "auth"
    token_private_key: SecretStr = Field(description="Ed25519, PEM; its public half is TOKEN_PUBLIC_KEY.")
