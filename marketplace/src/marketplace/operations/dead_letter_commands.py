"""The commands `marketplace dead-letters list`, `show`, `replay` and `drop`.

A dead letter is an event that a consumer of a service could not handle.
"""

from typing import Annotated

import typer

from marketplace.errors import PlatformError
from marketplace.operations import dead_letters as letters
from marketplace.operations.command import Json, operate
from marketplace.operations.operator import Operator
from marketplace.operations.show import console, printable, show_json, show_line, show_table


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text)):
        raise typer.BadParameter("an id is a number; `marketplace dead-letters list` shows all ids")
    return int(text)


Id = Annotated[int, typer.Argument(parser=_number, help="The id that `dead-letters list` shows.", metavar="ID")]
Ids = Annotated[
    list[int], typer.Argument(parser=_number, help="One or more ids that `dead-letters list` shows.", metavar="ID...")
]

dead_letters = typer.Typer(
    help="Events that a consumer could not handle: list them, replay them, or drop them.\n\n"
    "Find the cause with `list` and `show`, and repair it. Then `replay` sends each event to the consumer that failed.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


@dead_letters.command("list")
def list_letters(*, as_json_: Json = False) -> None:
    """List all dead letters, oldest first. A dead letter is an event that a consumer of a service could not handle.

    Usually the consumer itself stores the dead letter. If a consumer crashes each time NATS delivers an event, it can
    store nothing. Then NATS stores a report about the event. The list also contains the events of these reports.

    Exit status: 0 the list was shown, even if it is empty · 1 NATS does not answer
    """
    found = operate(letters.list_dead_letters, mongo="unused")
    if as_json_:
        return show_json([letter.as_json() for letter in found])
    if not found:
        return show_line("No dead letters.")
    rows = [
        (
            str(letter.id),
            f"{letter.dead_lettered_at:%Y-%m-%d %H:%M:%S}",
            letter.consumer,
            letter.event,
            str(letter.deliveries),
            letter.reason,
        )
        for letter in found
    ]
    return show_table(("id", "dead-lettered at", "consumer", "event", "deliveries", "reason"), rows)


@dead_letters.command("show")
def show_letter(letter_id: Id, *, as_json_: Json = False) -> None:
    """Show one dead letter (an event that a consumer could not handle) with its headers and its data.

    Exit status: 0 shown · 1 there is no dead letter with this id, or NATS does not answer
    """
    letter = operate(lambda connection: _known(connection, letter_id), mongo="unused")
    if as_json_:
        return show_json(letter.as_json())
    show_line(f"{letter.event} at {letter.consumer}: {letter.reason}", style="bold")
    show_line(
        f"stream {letter.stream}, sequence {letter.sequence}; deliveries: {letter.deliveries}; "
        f"dead-lettered at {letter.dead_lettered_at:%Y-%m-%d %H:%M:%S}"
    )
    console.print()
    for name, value in letter.headers.items():
        show_line(f"{name}: {value}")
    text = letter.data.decode(errors="backslashreplace")
    return console.print("\n" + "\n".join(map(printable, text.split("\n"))))


@dead_letters.command("replay")
def replay_letters(ids: Ids, *, as_json_: Json = False) -> None:
    """Send events again to the consumers that could not handle them. If a consumer succeeds, delete its dead letter.

    Example, for the dead letters with the ids 3 and 4: `marketplace dead-letters replay 3 4`

    Exit status: 0 the consumers have handled all events · 1 a consumer has failed again (its dead letter is kept), or
    there is no dead letter with one of the ids, or NATS does not answer
    """

    async def work(connection: Operator) -> dict[int, str]:
        # We look up all dead letters first. If one of them does not exist, the command fails and replays nothing.
        chosen = [await _known(connection, each) for each in dict.fromkeys(ids)]
        client = letters.replay_client(connection)
        return {letter.id: await letters.replay_dead_letter(connection, letter, client) for letter in chosen}

    outcomes = operate(work, mongo="unused")
    if as_json_:
        show_json([{"id": each, "replayed": not reason, "reason": reason or None} for each, reason in outcomes.items()])
    else:
        for each, reason in outcomes.items():
            show_line(f"{each}: {reason or 'handled'}")
    raise typer.Exit(int(any(outcomes.values())))


@dead_letters.command("drop")
def drop_letters(ids: Ids, *, as_json_: Json = False) -> None:
    """Delete dead letters without sending their events to the consumers again. The events stay in their streams.

    Example, for the dead letters with the ids 3 and 4: `marketplace dead-letters drop 3 4`

    Exit status: 0 all deleted · 1 there is no dead letter with one of the ids (then the command deletes nothing), or
    NATS does not answer
    """

    async def work(connection: Operator) -> list[int]:
        chosen = [await _known(connection, each) for each in dict.fromkeys(ids)]
        for letter in chosen:
            await letters.drop_dead_letter(connection, letter)
        return [letter.id for letter in chosen]

    dropped = operate(work, mongo="unused")
    if as_json_:
        return show_json([{"id": each, "dropped": True} for each in dropped])
    return show_line(f"Dropped: {', '.join(map(str, dropped))}")


async def _known(connection: Operator, letter_id: int) -> letters.DeadLetter:
    letter = await letters.find_dead_letter(connection, letter_id)
    if letter is None:
        raise PlatformError(f"There is no dead letter {letter_id}. `marketplace dead-letters list` shows all of them.")
    return letter
