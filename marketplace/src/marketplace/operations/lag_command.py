"""The command `marketplace lag`, which shows how many events each consumer has not handled yet."""

import typer

from marketplace.operations.command import Json, operate
from marketplace.operations.lag import Lag, measure_lag
from marketplace.operations.show import show_json, show_line, show_table
from marketplace.settings import PlatformSettings


def lag(*, as_json_: Json = False) -> None:
    """Show how many events each consumer has not handled yet, and the age of the oldest of these events.

    A consumer acknowledges an event when it has handled the event. The command also works while MongoDB is down.

    - **pending**: the number of events that NATS has not delivered to the consumer yet
    - **in flight**: the number of events that NATS has delivered, but that the consumer has not acknowledged yet
    - **redelivered**: the number of events in flight that NATS has delivered more than once
    - **oldest**: the age of the oldest event that the consumer has not acknowledged yet
    - **no subscriber**: no instance of the consumer's service is connected to NATS

    Exit status: 0 every consumer has a subscriber · 1 a consumer does not exist or has no subscriber, or NATS does not
    answer
    """
    found = operate(measure_lag, only_nats=True)
    if as_json_:
        show_json([each.as_json() for each in found])
    else:
        columns = ("consumer", "pending", "in flight", "redelivered", "oldest", "")
        show_table(columns, [_row_of(each) for each in found])
        _show_what_to_do(found)
    raise typer.Exit(int(not all(each.listening for each in found)))


def _row_of(lag: Lag) -> tuple[str, ...]:
    if not lag.provisioned:
        return (lag.consumer, "", "", "", "", "missing: not provisioned")
    numbers = [str(number) for number in (lag.pending, lag.in_flight, lag.redelivered)]
    oldest = "" if lag.oldest_seconds is None else f"{lag.oldest_seconds:.1f} s"
    return (lag.consumer, *numbers, oldest, "" if lag.listening else "no subscriber")


def _show_what_to_do(found: list[Lag]) -> None:
    if not all(each.provisioned for each in found):
        show_line("A consumer is missing. Run `marketplace provision --nats-url …`, or restart the platform.")
    logs = PlatformSettings.from_environment().logs
    for service in dict.fromkeys(each.service for each in found if each.provisioned and not each.listening):
        show_line(
            f"{service} has no connection to NATS: it is down, hangs, or cannot reach NATS. "
            f"Read its log: {logs / service}.log, or the log of its container."
        )
