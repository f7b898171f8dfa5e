"""The command `marketplace restore-done`, with which an operator completes databases that were restored."""

from typing import Annotated

import typer

from marketplace.operations.command import Json, operate_with_progress, owner_named
from marketplace.operations.restore import Restored, restore
from marketplace.operations.show import show_json, show_line, show_table
from marketplace.operations.stored_data import AGGREGATES, SERVICES_WITH_AGGREGATES, OwnedAggregates

_SERVICES = ", ".join(SERVICES_WITH_AGGREGATES)


def restore_done(
    services: Annotated[
        list[str] | None,
        typer.Argument(metavar="SERVICE", help=f"The services whose databases were restored: {_SERVICES}."),
    ] = None,
    *,
    all_: Annotated[bool, typer.Option("--all", help="All services.")] = False,
    as_json_: Json = False,
) -> None:
    """Complete the database of a service that was restored from a backup, with the newer events in the stream.

    An event contains the state of its aggregate (for example of an order). The command creates the documents that are
    missing, and updates the documents that are older than their newest event. A service that waits, because its
    database is older than its events, starts afterwards.

    If the service has already changed a restored document, the document keeps this state. It gets a new version, which
    no event had before, and the service publishes it.

    Some data are in no event, for example the hashes of passwords. The command says which documents it cannot complete.
    The service starts without them. If you have a newer backup, restore it and run the command again.

    The command also rebuilds the read models of the service (the copies of other services' data). Afterwards, start the
    service and run `marketplace audit --repair`, so that the service also corrects the data that depend on them.
    docs/operations.md describes all steps of a restore. You may repeat the command, also while the service is running.

    Examples: `marketplace restore-done orders` · `marketplace restore-done --all --json`

    Exit status: 0 the databases are complete · 1 some documents could not be completed, or NATS or MongoDB does not
    answer · 2 there is no such service
    """
    if bool(services) == all_:
        raise typer.BadParameter("name one or more services, or use --all", param_hint="SERVICE")
    chosen = AGGREGATES if all_ else tuple(map(owner_named, services or []))
    done = {each.service: _restore(each, quiet=as_json_) for each in chosen}
    if as_json_:
        show_json({service: restored.as_json() for service, restored in done.items()})
    else:
        for service, restored in done.items():
            show_line(f"{service}: {restored.summary}.")
        _show_not_restored(done)
    raise typer.Exit(int(any(restored.not_restored for restored in done.values())))


def _restore(owner: OwnedAggregates, *, quiet: bool) -> Restored:
    return operate_with_progress(
        lambda connection, on_progress: restore(connection, owner, on_progress),
        f"{owner.name}: events",
        quiet=quiet,
    )


def _show_not_restored(done: dict[str, Restored]) -> None:
    rows = [(service, key, why) for service, each in done.items() for key, why in each.not_restored.items()]
    if rows:
        show_line("These documents could not be completed:")
        show_table(("service", "id", "reason"), rows)
