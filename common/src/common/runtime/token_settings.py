"""The settings of a service that has to know who is asking.

Apart from the others, because expiration asks nobody: without tokens it loads no cryptography, which is 8 MiB.
"""

from typing import Annotated

from pydantic import Field

from common.domain.tokens import parse_public_key
from common.runtime.settings import ServiceSettings, checked_by


class TokenSettings(ServiceSettings):
    token_public_key: Annotated[str, checked_by(parse_public_key)] = Field(description="Ed25519, PEM.")
