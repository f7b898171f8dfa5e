"""Lets people see the effect of what they have just done.

The browser sends a command to the API of another service. The answer has the new version of a ticket, an order or a
payment. The browser keeps it in the cookie `seen` for a few seconds. A page that is requested with this cookie waits
until the copies have this version.
"""

import asyncio
import re

from common.domain.ids import ID_PATTERN
from storefront.service import StorefrontService

COOKIE = "seen"
_MOST = 3
_SECONDS = 10  # as in api.js
_SEEN = re.compile(rf"(ticket|order|payment)-({ID_PATTERN.strip('^$')})-([1-9][0-9]{{0,8}})")


async def ids_that_are_late(storefront: StorefrontService, cookie: str) -> set[str]:
    """Wait until the copies have what the cookie names, at most one second in all. Return the ids that they lack then.

    The cookie contains up to three parts like `order-65f0c0ffee00000000000020-2`, separated by dots. Anything else in
    it is ignored.
    """
    parts = [found.groups() for found in _parts(cookie)]
    waits = [storefront.has_version(aggregate, key, int(version)) for aggregate, key, version in parts]
    arrived = await asyncio.gather(*waits)
    return {key for (_, key, _), is_here in zip(parts, arrived, strict=True) if not is_here}


def remembered(cookie: str) -> str:
    """Return the header that lets the browser keep this cookie for some more seconds, or an empty text."""
    parts = ".".join(found[0] for found in _parts(cookie))
    return f"{COOKIE}={parts}; Path=/; Max-Age={_SECONDS}; SameSite=lax" if parts else ""


def _parts(cookie: str) -> list[re.Match[str]]:
    return [found for part in cookie.split(".")[:_MOST] if (found := _SEEN.fullmatch(part))]
