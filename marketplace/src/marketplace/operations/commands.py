"""The operators' commands, as a person or a script types them. Each takes --json, and then prints nothing else."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import structlog
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from marketplace.operations.audit import Report, audit
from marketplace.operations.lag import Lag, measure_lag
from marketplace.operations.operator import Operator, operator
from marketplace.operations.rebuild import Rebuilt, rebuild
from marketplace.operations.repair import Repaired, repair
from marketplace.operations.replicas import REPLICAS, ReplicaOf
from marketplace.operations.show import console, say, show_json, show_table
from marketplace.operations.timelines import as_json, read_timeline
from marketplace.settings import PlatformSettings

T = TypeVar("T")

Json = Annotated[bool, typer.Option("--json", help="For scripts: JSON, and nothing else.")]


def operate(work: Callable[[Operator], Awaitable[T]]) -> T:
    """Do it as the operator of the platform that the environment describes. Raises PlatformError."""

    async def connected() -> T:
        async with operator(PlatformSettings.from_environment()) as connection:
            return await work(connection)

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    return asyncio.run(connected())


def timeline(aggregate_id: Annotated[str, typer.Argument(metavar="AGGREGATE_ID")], *, as_json_: Json = False) -> None:
    """Show every event of an order, ticket, payment or user, oldest first, with its time and its cause.

    The payments of an order belong to its timeline.

    Example: `marketplace timeline 65f0c0ffee00000000000020`

    Exit status: 0 shown · 1 no event is about it, or a server does not answer · 2 not an id
    """
    if not re.fullmatch(r"[0-9a-f]{24}", aggregate_id):
        raise typer.BadParameter("an id is 24 characters out of 0-9 and a-f", param_hint="AGGREGATE_ID")
    events = operate(lambda connection: read_timeline(connection, aggregate_id))
    if as_json_:
        show_json([as_json(event) for event in events])
    elif events:
        rows = [
            (
                f"{event.at:%Y-%m-%d %H:%M:%S}.{event.at.microsecond // 1000:03}",
                event.event,
                str(event.version),
                event.cause,
                event.trace_id or "",
            )
            for event in events
        ]
        show_table(("at", "event", "version", "because of", "trace"), rows)
    else:
        typer.echo(f"No event is about {aggregate_id}. Is it the id of an order, ticket, payment or user?", err=True)
    raise typer.Exit(int(not events))


def lag(*, as_json_: Json = False) -> None:
    """Show how far each consumer is behind, and since when.

    - **pending**: events that it has not been given yet
    - **in flight**: given to it, and not acknowledged yet; **redelivered**: of those, more than once
    - **oldest**: the age of the oldest event that it has not acknowledged

    Exit status: 0 shown · 1 a consumer is missing, or a server does not answer
    """
    found = operate(measure_lag)
    if as_json_:
        show_json([each.as_json() for each in found])
    else:
        columns = ("consumer", "pending", "in flight", "redelivered", "oldest", "")
        show_table(columns, [_row_of(each) for each in found])
        if not all(each.provisioned for each in found):
            say("What is missing is made by `marketplace provision --nats-url …`, and whenever the platform starts.")
    raise typer.Exit(int(not all(each.provisioned for each in found)))


def _row_of(lag: Lag) -> tuple[str, ...]:
    if not lag.provisioned:
        return (lag.consumer, "", "", "", "", "missing: not provisioned")
    numbers = [str(number) for number in (lag.pending, lag.in_flight, lag.redelivered)]
    oldest = "" if lag.oldest_seconds is None else f"{lag.oldest_seconds:.1f} s"
    return (lag.consumer, *numbers, oldest, "" if lag.listening else "nobody listens")


def audit_everything(
    *,
    repair_: Annotated[
        bool, typer.Option("--repair", help="Mend what can be mended without a person, then look again.")
    ] = False,
    as_json_: Json = False,
) -> None:
    """Hold all replicas against their owners, all owners against the streams, and every rule against all data.

    What is on its way explains itself: only what stays different for 5 s is shown. It may run at any time. It reads
    whole collections into memory, which is fine up to some 100,000 documents.

    With `--repair`, replicas that differ are rebuilt from the stream, and tickets works out anew who holds the tickets
    whose holder differs. What then still differs needs a person: see docs/operations.md.

    Examples: `marketplace audit` · `marketplace audit --repair` · `marketplace audit --json | jq '.differences[].id'`

    Exit status: 0 everything agrees · 1 something differs (after the repair, if asked for), or a server does not answer
    """

    async def work(connection: Operator) -> tuple[Report, Repaired]:
        report = await audit(connection)
        repaired = await repair(connection, report) if repair_ else Repaired()
        return (await audit(connection) if repaired else report), repaired

    report, repaired = operate(work)
    if as_json_:
        show_json(
            {
                "differences": [difference.as_json() for difference in report.differences],
                "lookedAt": report.counts,
                "repaired": repaired.as_json(),
            }
        )
    else:
        _show_repaired(repaired)
        _show_report(report)
    raise typer.Exit(int(bool(report.differences)))


def _show_repaired(repaired: Repaired) -> None:
    for name, rebuilt in repaired.rebuilt.items():
        say(f"Rebuilt {name}: {len(rebuilt.changed)} mended, {len(rebuilt.removed)} removed.")
    if repaired.holders:
        say(f"Had tickets work out who holds {', '.join(repaired.holders)}.")
    if repaired.unheard:
        say(f"Of {len(repaired.unheard)} of them the service could not be told: start it, and repair once more.")


def _show_report(report: Report) -> None:
    looked_at = ", ".join(f"{count} {name}" for name, count in report.counts.items() if count)
    looked_at = f"Looked at {looked_at}." if looked_at else "There is no data yet."
    if not report.differences:
        return say(f"Everything agrees. {looked_at}")
    show_table(("rule", "id", "difference"), [(each.rule, each.subject, each.detail) for each in report.differences])
    count = len(report.differences)
    return say(f"{count} difference{'s'[: count > 1]}. {looked_at}")


def rebuild_one(
    service: Annotated[str, typer.Argument(metavar="SERVICE", help="Whose replica.")],
    replica: Annotated[str, typer.Argument(metavar="REPLICA", help="The name of its collection.")],
    *,
    as_json_: Json = False,
) -> None:
    """Rebuild a replica from the stream, document by document, while its service keeps running.

    Nothing is half there meanwhile and no event is lost: each write is guarded by the version. What was mended is told
    to the service once more, so that it draws its conclusions. May be interrupted, and repeated.

    Example: `marketplace rebuild tickets order_replicas`

    Replicas: `tickets order_replicas` · `orders ticket_replicas` · `payments order_replicas`

    Exit status: 0 rebuilt · 1 its service could not be told, or a server does not answer · 2 no such replica
    """
    chosen = next((each for each in REPLICAS if (each.service, each.collection) == (service, replica)), None)
    if chosen is None:
        known = "; ".join(each.name for each in REPLICAS)
        raise typer.BadParameter(f"there is no {service} {replica}; there are: {known}", param_hint="SERVICE REPLICA")
    rebuilt = operate(lambda connection: rebuild(connection, chosen)) if as_json_ else _rebuild_with_progress(chosen)
    if as_json_:
        show_json(rebuilt.as_json())
    else:
        say(
            f"{rebuilt.events} events of {rebuilt.aggregates} aggregates read; "
            f"{len(rebuilt.changed)} replicas mended, {len(rebuilt.removed)} removed."
        )
        if rebuilt.unheard:
            say(f"{service} could not be told of {len(rebuilt.unheard)} of them: start it, and rebuild once more.")
    raise typer.Exit(int(bool(rebuilt.unheard)))


def _rebuild_with_progress(replica: ReplicaOf) -> Rebuilt:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(f"{replica.name}: events", total=None)
        return operate(
            lambda connection: rebuild(
                connection, replica, lambda done, total: progress.update(task, completed=done, total=total)
            )
        )
