"""`marketplace rebuild`."""

from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from marketplace.operations.command import Json, operate
from marketplace.operations.rebuild import Rebuilt, rebuild
from marketplace.operations.retell import Unheard
from marketplace.operations.show import console, counted, say, show_json
from marketplace.operations.stored_data import READ_MODELS, ReadModels


def rebuild_one(
    service: Annotated[str, typer.Argument(metavar="SERVICE", help="Whose read model.")],
    read_model: Annotated[str, typer.Argument(metavar="REPLICA", help="The name of its collection.")],
    *,
    as_json_: Json = False,
) -> None:
    """Rebuild a read model from the stream, document by document, while its service keeps running.

    Nothing is half there meanwhile and no event is lost: each write is guarded by the version. What was mended is told
    to the service once more, so that it draws its conclusions. May be interrupted, and repeated: what has not been told
    is remembered, and told by the next rebuild.

    Example: `marketplace rebuild tickets order_replicas`

    Read models: `tickets order_replicas` · `orders ticket_replicas` · `payments order_replicas`

    Exit status: 0 rebuilt · 1 its service could not be told, or a server does not answer · 2 no such read model
    """
    chosen = next((each for each in READ_MODELS if (each.service, each.collection) == (service, read_model)), None)
    if chosen is None:
        known = "; ".join(each.name for each in READ_MODELS)
        raise typer.BadParameter(
            f"there is no {service} {read_model}; there are: {known}", param_hint="SERVICE REPLICA"
        )
    rebuilt = operate(lambda connection: rebuild(connection, chosen)) if as_json_ else _rebuild_with_progress(chosen)
    if as_json_:
        show_json(rebuilt.as_json())
    else:
        read = f"{counted(rebuilt.events, 'event')} of {counted(rebuilt.aggregates, 'aggregate')} read"
        say(f"{read}; {rebuilt.summary}.")
        say_what_it_has_not_heard(service, rebuilt.unheard, then="rebuild")
    raise typer.Exit(int(bool(rebuilt.unheard)))


def say_what_it_has_not_heard(service: str, unheard: Unheard, *, then: str) -> None:
    """One line a reason: usually there is one, that the service is not there."""
    for reason in dict.fromkeys(unheard.values()):
        ids = [key for key, why in unheard.items() if why == reason]
        about = f"{ids[0]} and {len(ids) - 1} more" if len(ids) > 1 else ids[0]
        say(f"{service} could not be told of {about} ({reason}). When that is mended, {then} once more.")


def _rebuild_with_progress(read_model: ReadModels) -> Rebuilt:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(f"{read_model.name}: events", total=None)
        return operate(
            lambda connection: rebuild(
                connection, read_model, lambda done, total: progress.update(task, completed=done, total=total)
            )
        )
