"""`marketplace timeline`."""

import re
from typing import Annotated

import typer

from common.messaging.timeline import TimelineEvent
from marketplace.operations.command import Json, operate
from marketplace.operations.show import show_json, show_table
from marketplace.operations.timelines import as_json, read_timeline


def timeline(
    aggregate_id: Annotated[
        str, typer.Argument(metavar="AGGREGATE_ID", help="The id of an order, ticket, payment or user.")
    ],
    *,
    as_json_: Json = False,
) -> None:
    """Show every event of an order, ticket, payment or user, oldest first, with its time and its cause.

    The payments of an order belong to its timeline. A payment that was declined, or is still open, has no event; events
    that nobody can read are not shown: see `marketplace dead-letters list`.

    Example: `marketplace timeline 65f0c0ffee00000000000020`

    Exit status: 0 shown · 1 no event is about it, or a server does not answer · 2 not an id
    """
    aggregate_id = aggregate_id.lower()
    if not re.fullmatch(r"[0-9a-f]{24}", aggregate_id):
        raise typer.BadParameter("an id is 24 characters out of 0-9 and a-f", param_hint="AGGREGATE_ID")
    events = operate(lambda connection: read_timeline(connection, aggregate_id))
    if as_json_:
        show_json([as_json(event) for event in events])
    elif events:
        show_table(("at", "event", "of", "version", "because of", "trace"), list(map(_row_of, events)))
    else:
        typer.echo(
            f"No event is about {aggregate_id}. Is it the id of an order, ticket, payment or user? A declined payment "
            f"has no event, and one that cannot be read is in `dead-letters list`.",
            err=True,
        )
    raise typer.Exit(int(not events))


def _row_of(event: TimelineEvent) -> tuple[str, ...]:
    at = f"{event.at:%Y-%m-%d %H:%M:%S}.{event.at.microsecond // 1000:03}"
    return (at, event.event, event.aggregate_id, str(event.version), event.cause, event.trace_id or "")
