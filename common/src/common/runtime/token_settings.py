"""The settings of a service that verifies session tokens.

In a module of its own: expiration verifies no tokens, and so does not load the cryptography library (8 MiB).
"""

from typing import Annotated

from pydantic import Field

from common.domain.tokens import parse_public_key
from common.runtime.settings import ServiceSettings, checked_by


class TokenSettings(ServiceSettings):
    token_public_key: Annotated[str, checked_by(parse_public_key)] = Field(description="Ed25519, PEM.")
