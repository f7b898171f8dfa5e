"""Lets people see the effect of what they have just done.

The browser sends a command to the API of another service. The answer has the new version of a ticket, an order or a
payment. The browser keeps it in the cookie `seen` for a few seconds. A page that is requested with this cookie waits
until the copies have this version.

Another program may have sent the command. So a page about something that was made in the last seconds waits, too. Its
id says when it was made.
"""

import asyncio
import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from common.domain.ids import ID_PATTERN, made_at
from storefront.service import StorefrontService

COOKIE = "seen"
_MOST = 3
_SECONDS = 10  # as in api.js
_SEEN = re.compile(rf"(ticket|order|payment)-({ID_PATTERN.strip('^$')})-([1-9][0-9]{{0,8}})")


def made_lately(path_params: Mapping[str, str], now: datetime) -> str:
    """Return what an address names, such as `{"order_id": …}`, in the format of the cookie, if it is seconds old."""
    named = ".".join(f"{name.removesuffix('_id')}-{key}-1" for name, key in path_params.items())
    ages = {found[0]: now - made_at(found[2]) for found in _parts(named)}
    return ".".join(part for part, age in ages.items() if timedelta() <= age <= timedelta(seconds=_SECONDS))


async def ids_that_are_late(storefront: StorefrontService, *cookies: str) -> set[str]:
    """Wait until the copies have what the cookies name, at most one second in all. Return the ids that they lack then.

    A cookie contains up to three parts like `order-65f0c0ffee00000000000020-2`, separated by dots. Anything else in
    it is ignored.
    """
    parts = [found.groups() for cookie in cookies for found in _parts(cookie)]
    waits = [storefront.has_version(aggregate, key, int(version)) for aggregate, key, version in parts]
    arrived = await asyncio.gather(*waits)
    return {key for (_, key, _), is_here in zip(parts, arrived, strict=True) if not is_here}


def remembered(cookie: str) -> str:
    """Return the header that lets the browser keep this cookie for some more seconds, or an empty text."""
    parts = ".".join(found[0] for found in _parts(cookie))
    return f"{COOKIE}={parts}; Path=/; Max-Age={_SECONDS}; SameSite=lax" if parts else ""


def _parts(cookie: str) -> list[re.Match[str]]:
    return [found for part in cookie.split(".")[:_MOST] if (found := _SEEN.fullmatch(part))]
