from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr, ValidationInfo
from pydantic_core import PydanticCustomError

from auth.token_signer import parse_private_key
from common.domain.tokens import parse_public_key
from common.runtime.token_settings import TokenSettings


def _check_private_key(secret: SecretStr, info: ValidationInfo) -> SecretStr:
    """Raise an error if the private key is invalid, or if TOKEN_PUBLIC_KEY is not the public key of this private key.

    Without this check, the auth service could start with a wrong private key. Then it would sign tokens, and all
    services would refuse these tokens.
    """
    try:
        public_key = parse_private_key(secret.get_secret_value()).public_key()
    except ValueError as error:
        raise PydanticCustomError("setting", "{reason}", {"reason": str(error)}) from None
    if "token_public_key" in info.data and public_key != parse_public_key(info.data["token_public_key"]):
        raise PydanticCustomError("setting", "must be the private half of TOKEN_PUBLIC_KEY")
    return secret


class AuthSettings(TokenSettings):
    mongo_database: str = "auth"
    token_private_key: Annotated[SecretStr, AfterValidator(_check_private_key)] = Field(
        description="An Ed25519 private key in PEM format. TOKEN_PUBLIC_KEY is the public key of this key."
    )
