"""`marketplace lag`."""

import typer

from marketplace.operations.command import Json, operate
from marketplace.operations.lag import Lag, measure_lag
from marketplace.operations.show import say, show_json, show_table
from marketplace.settings import PlatformSettings


def lag(*, as_json_: Json = False) -> None:
    """Show how far each consumer is behind, and since when. Works while MongoDB is down, too.

    - **pending**: events that it has not been given yet
    - **in flight**: given to it, and not acknowledged yet; **redelivered**: of those, more than once
    - **oldest**: the age of the oldest event that it has not acknowledged
    - **nobody listens**: no instance of its service is connected to NATS

    Exit status: 0 somebody listens to each · 1 a consumer is missing, nobody listens to one, or NATS does not answer
    """
    found = operate(measure_lag, only_nats=True)
    if as_json_:
        show_json([each.as_json() for each in found])
    else:
        columns = ("consumer", "pending", "in flight", "redelivered", "oldest", "")
        show_table(columns, [_row_of(each) for each in found])
        _say_what_to_do(found)
    raise typer.Exit(int(not all(each.listening for each in found)))


def _row_of(lag: Lag) -> tuple[str, ...]:
    if not lag.provisioned:
        return (lag.consumer, "", "", "", "", "missing: not provisioned")
    numbers = [str(number) for number in (lag.pending, lag.in_flight, lag.redelivered)]
    oldest = "" if lag.oldest_seconds is None else f"{lag.oldest_seconds:.1f} s"
    return (lag.consumer, *numbers, oldest, "" if lag.listening else "nobody listens")


def _say_what_to_do(found: list[Lag]) -> None:
    if not all(each.provisioned for each in found):
        say("What is missing is made by `marketplace provision --nats-url …`, and whenever the platform starts.")
    logs = PlatformSettings.from_environment().logs
    for service in dict.fromkeys(each.service for each in found if each.provisioned and not each.listening):
        say(f"{service} is down, hangs, or does not get through to NATS: see {logs / service}.log, or where it runs.")
