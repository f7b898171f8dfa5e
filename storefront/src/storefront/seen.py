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
_SEEN = re.compile(rf"(ticket|order|payment)-({ID_PATTERN.strip('^$')})-([1-9][0-9]{{0,8}})")


async def is_up_to_date(storefront: StorefrontService, cookie: str) -> bool:
    """Wait until the copies have what the cookie names, at most one second in all. Return False if they do not.

    The cookie contains up to three parts like `order-65f0c0ffee00000000000020-2`, separated by dots. Anything else in
    it is ignored.
    """
    parts = [found.groups() for part in cookie.split(".")[:_MOST] if (found := _SEEN.fullmatch(part))]
    waits = [storefront.has_version(aggregate, key, int(version)) for aggregate, key, version in parts]
    return all(await asyncio.gather(*waits))
