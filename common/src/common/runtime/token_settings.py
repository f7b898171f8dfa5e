"""The settings of a service that verifies session tokens.

This class has its own module, because the expiration service does not verify tokens. So the expiration
service does not import this module, and does not load the cryptography library, which needs 8 MiB of memory.
"""

from typing import Annotated

from pydantic import Field

from common.domain.tokens import parse_public_key
from common.runtime.settings import ServiceSettings, checked_by


class TokenSettings(ServiceSettings):
    token_public_key: Annotated[str, checked_by(parse_public_key)] = Field(description="Ed25519, PEM.")
