"""The command `marketplace republish`, with which an operator lets a service publish its present state again."""

from typing import Annotated

import typer

from marketplace.operations.command import Json, operate_with_progress, owner_named
from marketplace.operations.republish import Republished, republish
from marketplace.operations.show import counted, show_json, show_line, show_table
from marketplace.operations.stored_data import SERVICES_WITH_AGGREGATES


def republish_state(
    service: Annotated[
        str,
        typer.Argument(
            metavar="SERVICE", help=f"The service that owns the aggregates: {', '.join(SERVICES_WITH_AGGREGATES)}."
        ),
    ],
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="ID", help="The ids of aggregates. Without ids: all aggregates.")
    ] = None,
    *,
    as_json_: Json = False,
) -> None:
    """Let a service publish the present state of its aggregates again, after the stream has lost their events.

    The service must be running. The command stages the events in the outboxes of the service, and waits until the
    service has published them. It is safe to publish an event too often: the other services ignore what they already
    know, because each event has the version of its aggregate.

    You may interrupt and repeat the command. `marketplace audit --repair` does the same for all aggregates whose events
    are missing.

    Examples: `marketplace republish tickets` · `marketplace republish orders 65f0c0ffee00000000000020`

    Exit status: 0 published · 1 an event is not published yet, a document cannot be read, an id is unknown, or NATS or
    MongoDB does not answer · 2 there is no such service
    """
    owner = owner_named(service)
    done = operate_with_progress(
        lambda connection, on_progress: republish(connection, owner, ids or (), on_progress),
        f"{owner.name}: events",
        quiet=as_json_,
    )
    if as_json_:
        show_json(done.as_json())
    else:
        show_line(f"{service}: {done.summary}.")
        show_not_republished(service, done)
    raise typer.Exit(int(bool(done.not_published or done.unreadable or done.unknown)))


def show_not_republished(service: str, done: Republished) -> None:
    if done.not_published:
        show_line(
            f"{service} has not published {counted(done.not_published, 'event')} yet. It publishes them when it runs. "
            f"If it runs, its log says why it has not."
        )
    if done.unknown:
        show_line(f"{service} has no document with the id {', '.join(done.unknown)}.")
    if done.unreadable:
        show_line("These documents cannot be read:")
        show_table(("id", "reason"), list(done.unreadable.items()))
