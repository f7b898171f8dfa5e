"""The command `marketplace rebuild`, which repairs the documents of a read model."""

from typing import Annotated

import typer

from marketplace.operations.command import Json, operate_with_progress
from marketplace.operations.rebuild import rebuild
from marketplace.operations.replay_events import NotReplayed
from marketplace.operations.show import counted, show_json, show_line
from marketplace.operations.stored_data import READ_MODELS

_KNOWN = "; ".join(each.name for each in READ_MODELS)


def rebuild_one(
    service: Annotated[str, typer.Argument(metavar="SERVICE", help="The service that has the read model.")],
    read_model: Annotated[
        str, typer.Argument(metavar="READ_MODEL", help=f"The name of its collection. The read models are: {_KNOWN}.")
    ],
    *,
    as_json_: Json = False,
) -> None:
    """Rebuild a read model from the events in the stream, while its service keeps running.

    A read model is a copy that a service has of another service's data. The command replaces only the documents that
    are wrong. If the service stores a newer state in the meantime, the command does not overwrite it. Afterwards the
    command sends the newest event of each changed document to the service, and the service handles the event again. So
    the service also corrects data that depend on the read model. You may interrupt the command and run it again. Then
    the second run sends the events that the first run has not sent.

    The stream may have events of an aggregate that its owner does not have, for example because the owner's database
    was lost. The command also writes such a document, and names it.

    Example: `marketplace rebuild tickets order_replicas`

    Exit status: 0 rebuilt · 1 the owner does not have something that was written, the service has not handled an event
    again, or NATS or MongoDB does not answer · 2 there is no such read model
    """
    chosen = next((each for each in READ_MODELS if (each.service, each.collection) == (service, read_model)), None)
    if chosen is None:
        raise typer.BadParameter(
            f"there is no read model {service} {read_model}. Choose one of: {_KNOWN}", param_hint="SERVICE READ_MODEL"
        )
    rebuilt = operate_with_progress(
        lambda connection, on_progress: rebuild(connection, chosen, on_progress),
        f"{chosen.name}: events",
        quiet=as_json_,
    )
    if as_json_:
        show_json(rebuilt.as_json())
    else:
        read = f"{counted(rebuilt.events, 'event')} of {counted(rebuilt.aggregates, 'aggregate')} read"
        show_line(f"{read}; {rebuilt.summary}.")
        show_not_replayed(service, rebuilt.not_replayed, command=f"rebuild {chosen.name}")
    raise typer.Exit(int(bool(rebuilt.not_replayed or rebuilt.without_owner)))


def show_not_replayed(service: str, not_replayed: NotReplayed, *, command: str) -> None:
    """Print why the service has not handled some events again, with one line per reason.

    Usually there is only one reason, for example that the service does not run.
    """
    for reason in dict.fromkeys(not_replayed.values()):
        ids = [key for key, why in not_replayed.items() if why == reason]
        about = f"{ids[0]} and of {len(ids) - 1} more" if len(ids) > 1 else ids[0]
        show_line(
            f"The newest event of {about} could not be replayed to {service} ({reason}). "
            f"Repair the cause, then run `marketplace {command}` again."
        )
