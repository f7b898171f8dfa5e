"""The code that commands for operators share: options, arguments, progress bars, connections to NATS and MongoDB."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import structlog
import typer
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as ProgressBar

from marketplace.operations.event_reader import Progress, no_progress
from marketplace.operations.operator import MongoUse, Operator, operator
from marketplace.operations.show import console
from marketplace.operations.stored_data import SERVICES_WITH_AGGREGATES, OwnedAggregates, owned
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


def operate_with_progress(work: Callable[[Operator, Progress], Awaitable[T]], description: str, *, quiet: bool) -> T:
    """Do the same as `operate`, and show a progress bar if the output is a terminal and `quiet` is false.

    `work` calls its second argument to report the progress.
    """
    if quiet or not console.is_terminal:
        return operate(lambda connection: work(connection, no_progress))
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with ProgressBar(*columns, console=console) as bar:
        task = bar.add_task(description, total=None)
        return operate(
            lambda connection: work(connection, lambda done, total: bar.update(task, completed=done, total=total))
        )


def owner_named(service: str) -> OwnedAggregates:
    """Return the aggregates of this service. Raises BadParameter, with the names of all services, if there are none."""
    if service not in SERVICES_WITH_AGGREGATES:
        known = ", ".join(SERVICES_WITH_AGGREGATES)
        raise typer.BadParameter(f"there is no service {service}. Choose from: {known}", param_hint="SERVICE")
    return owned(service)
