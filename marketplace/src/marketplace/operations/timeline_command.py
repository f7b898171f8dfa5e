"""The command `marketplace timeline`, which shows the events of an order, a ticket, a payment or a user."""

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
    """Show the events of one order, ticket, payment or user, oldest first, with the time and the cause of each event.

    The cause is the request or the event that a service was handling when it made the new event. The timeline of an
    order also has the events of its payments. An open or declined payment has no event. If an order, ticket, payment or
    user has more than 200 events, the command shows only the first 200.

    The command leaves out events that it cannot parse. If a consumer has received such an event and could not parse it
    either, the event is a dead letter, and `marketplace dead-letters list` shows it.

    Example: `marketplace timeline 65f0c0ffee00000000000020`

    Exit status: 0 shown · 1 there is no event, or NATS or MongoDB does not answer · 2 the argument is not an id
    """
    aggregate_id = aggregate_id.lower()
    if not re.fullmatch(r"[0-9a-f]{24}", aggregate_id):
        raise typer.BadParameter("an id has 24 characters, each 0-9 or a-f", param_hint="AGGREGATE_ID")
    events = operate(lambda connection: read_timeline(connection, aggregate_id))
    if as_json_:
        show_json([as_json(event) for event in events])
    elif events:
        show_table(("at", "event", "of", "version", "because of", "trace"), list(map(_row_of, events)))
    else:
        typer.echo(
            f"There is no event of {aggregate_id}. Check that it is the id of an order, ticket, payment or user. "
            "A declined payment has no event. `marketplace dead-letters list` shows events that cannot be parsed.",
            err=True,
        )
    raise typer.Exit(int(not events))


def _row_of(event: TimelineEvent) -> tuple[str, ...]:
    at = f"{event.at:%Y-%m-%d %H:%M:%S}.{event.at.microsecond // 1000:03}"
    return (at, event.event, event.aggregate_id, str(event.version), event.cause, event.trace_id or "")
