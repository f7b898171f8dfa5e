"""The settings of a service that verifies session tokens.

The class TokenSettings is not in the module common.runtime.settings, because the check of the token key loads the
library cryptography, which needs 8 MiB of memory. The expiration service does not verify tokens. So it does not import
this module, and does not load the library.
"""

from typing import Annotated

from pydantic import Field

from common.domain.tokens import parse_public_key
from common.runtime.settings import ServiceSettings, checked_by


class TokenSettings(ServiceSettings):
    token_public_key: Annotated[str, checked_by(parse_public_key)] = Field(description="Ed25519, PEM.")
