"""Creates the streams and consumers of all services on a NATS server.

If the server is still starting, waits for the server, but only for a limited time.
"""

import asyncio
import logging
import time

import structlog
from nats.errors import Error as NatsError

from common.domain.errors import DependencyUnavailable
from common.messaging.provisioning import ConsumersNotUpdated, ProvisionedStream
from marketplace.errors import PlatformError
from marketplace.probes import hosts_of
from marketplace.provisioning import provision_everything

_PAUSE_SECONDS = 0.1


async def provision_within(
    nats_url: str, seconds: float = 30.0, *, replicas: int | None = None
) -> list[ProvisionedStream]:
    """Create all streams and consumers, and return the streams when they exist.

    If the NATS server cannot be reached or answers with an error, for example because it is still starting, try again.
    If no attempt has succeeded `seconds` after the call, raise PlatformError. Its message contains the last error.
    Raise PlatformError at once if NATS cannot change a setting of a consumer, because a later attempt would not help.
    `replicas` is the number of NATS servers that store each stream. Without it, provision_streams() decides.
    """
    # By default, structlog prints all log lines, so each attempt would print lines such as "waiting for NATS". The user
    # does not need them, because the PlatformError below contains the last error. So we hide all lines below the level
    # CRITICAL. If the program has already configured structlog, we keep its configuration.
    if not structlog.is_configured():
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    deadline = time.monotonic() + seconds
    while True:
        try:
            async with asyncio.timeout(max(deadline - time.monotonic(), 1)):
                return await provision_everything(nats_url, replicas=replicas)
        except ConsumersNotUpdated as error:
            raise PlatformError(str(error)) from error
        except (OSError, NatsError, DependencyUnavailable) as error:  # a TimeoutError of asyncio.timeout is an OSError
            if time.monotonic() >= deadline:
                reason = str(error) or "no answer"
                raise PlatformError(
                    f"The streams could not be created on NATS at {', '.join(hosts_of(nats_url))} within "
                    f"{seconds:g} s: {reason}. Check that NATS runs there with JetStream."
                ) from error
        await asyncio.sleep(_PAUSE_SECONDS)
