"""The commands that begin with `dead-letters`."""

from typing import Annotated

import typer

from marketplace.errors import PlatformError
from marketplace.operations import dead_letters as letters
from marketplace.operations.command import Json, operate
from marketplace.operations.operator import Operator
from marketplace.operations.show import console, printable, say, show_json, show_table


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text)):
        raise typer.BadParameter("an id is a number, as `dead-letters list` shows them")
    return int(text)


Id = Annotated[int, typer.Argument(parser=_number, help="As `dead-letters list` shows it.", metavar="ID")]
Ids = Annotated[list[int], typer.Argument(parser=_number, help="As `dead-letters list` shows them.", metavar="ID...")]

dead_letters = typer.Typer(
    help="Events that could not be handled: see why, try them again, or drop them.\n\n"
    "First `list` and `show`; repair the cause; then `replay`, which goes to the one consumer that failed.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


@dead_letters.command("list")
def list_letters(*, as_json_: Json = False) -> None:
    """List all dead letters, oldest first.

    Also those that the broker has reported: events whose consumer crashed at each delivery.

    Exit status: 0, whether or not there are any · 1 a server does not answer
    """
    found = operate(letters.list_dead_letters, only_nats=True)
    if as_json_:
        return show_json([letter.as_json() for letter in found])
    if not found:
        return say("No dead letters.")
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
    return show_table(("id", "dead letter since", "consumer", "event", "deliveries", "reason"), rows)


@dead_letters.command("show")
def show_letter(letter_id: Id, *, as_json_: Json = False) -> None:
    """Show one dead letter with its headers and its bytes.

    Exit status: 0 shown · 1 there is no such dead letter, or a server does not answer
    """
    letter = operate(lambda connection: _known(connection, letter_id), only_nats=True)
    if as_json_:
        return show_json(letter.as_json())
    say(f"{letter.event} at {letter.consumer}: {letter.reason}", style="bold")
    say(
        f"in {letter.stream} at {letter.sequence}; deliveries: {letter.deliveries}; "
        f"a dead letter since {letter.dead_lettered_at:%Y-%m-%d %H:%M:%S}"
    )
    console.print()
    for name, value in letter.headers.items():
        say(f"{name}: {value}")
    text = letter.data.decode(errors="backslashreplace")
    return console.print("\n" + "\n".join(map(printable, text.split("\n"))))


@dead_letters.command("replay")
def replay_letters(ids: Ids, *, as_json_: Json = False) -> None:
    """Try again, at the one consumer that failed; what succeeds is no dead letter any more.

    Example: `marketplace dead-letters replay 3 4`

    Exit status: 0 all succeeded · 1 one has failed again and stays, there is no such dead letter, or a server does not
    answer
    """

    async def work(connection: Operator) -> dict[int, str]:
        chosen = [await _known(connection, each) for each in dict.fromkeys(ids)]  # all, before the first is tried
        replays = letters.patient_replays(connection)
        return {letter.id: await letters.replay_dead_letter(connection, letter, replays) for letter in chosen}

    outcomes = operate(work, only_nats=True)
    if as_json_:
        show_json([{"id": each, "replayed": not reason, "reason": reason or None} for each, reason in outcomes.items()])
    else:
        for each, reason in outcomes.items():
            say(f"{each}: {reason or 'handled'}")
    raise typer.Exit(int(any(outcomes.values())))


@dead_letters.command("drop")
def drop_letters(ids: Ids, *, as_json_: Json = False) -> None:
    """Remove dead letters for good, without trying them again. The events stay in their streams.

    Example: `marketplace dead-letters drop 3 4`

    Exit status: 0 dropped · 1 there is no such dead letter (then none is dropped), or a server does not answer
    """

    async def work(connection: Operator) -> list[int]:
        chosen = [await _known(connection, each) for each in dict.fromkeys(ids)]
        for letter in chosen:
            await letters.drop_dead_letter(connection, letter)
        return [letter.id for letter in chosen]

    dropped = operate(work, only_nats=True)
    if as_json_:
        return show_json([{"id": each, "dropped": True} for each in dropped])
    return say(f"Dropped: {', '.join(map(str, dropped))}")


async def _known(connection: Operator, letter_id: int) -> letters.DeadLetter:
    letter = await letters.find_dead_letter(connection, letter_id)
    if letter is None:
        raise PlatformError(f"There is no dead letter {letter_id}. `dead-letters list` shows those that there are.")
    return letter
