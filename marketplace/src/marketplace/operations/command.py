"""The code that all commands for operators share: the option `--json`, and the connections to NATS and MongoDB."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import structlog
import typer

from marketplace.operations.operator import MongoUse, Operator, operator
from marketplace.settings import PlatformSettings

T = TypeVar("T")

Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else, for scripts.")]


def operate(work: Callable[[Operator], Awaitable[T]], *, mongo: MongoUse = "needed") -> T:
    """Connect to NATS and MongoDB, call `work` with the connections, and return the result of `work`.

    The addresses come from the environment variables NATS_URL and MONGO_URL. If these are not set, connect to the
    servers of the platform on this computer. A command that does not need MongoDB says so with `mongo`, and
    also works while MongoDB is down. Raises PlatformError if a server that is needed does not answer.
    """

    async def connected() -> T:
        async with operator(PlatformSettings.from_environment(), mongo=mongo) as connection:
            return await work(connection)

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    return asyncio.run(connected())
