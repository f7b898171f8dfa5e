"""The command `marketplace lag`, which shows how many events each consumer has not handled yet."""

from dataclasses import dataclass

import typer

from marketplace.operations.command import Json, operate
from marketplace.operations.lag import Lag, measure_lag
from marketplace.operations.operator import Operator
from marketplace.operations.outboxes import Outboxes, measure_outboxes
from marketplace.operations.show import show_json, show_line, show_table
from marketplace.operations.stream_state import problems_of_streams
from marketplace.settings import PlatformSettings


@dataclass(frozen=True)
class _Found:
    consumers: list[Lag]
    streams: list[str]
    """The problems of the streams, as sentences."""
    outboxes: list[Outboxes]

    @property
    def is_healthy(self) -> bool:
        stuck = any(each.problem for each in self.outboxes)
        return all(each.is_healthy for each in self.consumers) and not self.streams and not stuck


def lag(*, as_json_: Json = False) -> None:
    """Show how many events each consumer has not handled yet, and the age of the oldest of these events.

    A consumer acknowledges an event when it has handled the event. The command also works while MongoDB is down, but
    then it does not show the outboxes.

    - **pending**: the number of events that NATS has not delivered to the consumer yet
    - **in flight**: the number of events that NATS has delivered, but that the consumer has not acknowledged yet
    - **redelivered**: the number of events in flight that NATS has delivered more than once
    - **oldest**: the age of the oldest event that the consumer has not acknowledged yet
    - **paused**: somebody has paused the consumer at NATS, so it receives no events
    - **no subscriber**: no instance of the consumer's service is connected to NATS

    Below the table are the streams that take no events, and the outboxes with events that are not published.

    Exit status: 0 every consumer has a subscriber, and all events are published · 1 a consumer does not exist, does not
    suit its service, is paused or has no subscriber, a stream is missing or full, an event stays in its outbox for more
    than 10 s, or NATS does not answer
    """
    found = operate(_look, mongo="optional")
    if as_json_:
        show_json(
            {
                "consumers": [each.as_json() for each in found.consumers],
                "streams": found.streams,
                "outboxes": [each.as_json() for each in found.outboxes],
            }
        )
    else:
        columns = ("consumer", "pending", "in flight", "redelivered", "oldest", "")
        show_table(columns, [_row_of(each) for each in found.consumers])
        _show_what_to_do(found)
    raise typer.Exit(int(not found.is_healthy))


async def _look(operator: Operator) -> _Found:
    return _Found(await measure_lag(operator), await problems_of_streams(operator), await measure_outboxes(operator))


def _row_of(lag: Lag) -> tuple[str, ...]:
    if not lag.provisioned:
        return (lag.consumer, "", "", "", "", "missing: not provisioned")
    numbers = [str(number) for number in (lag.pending, lag.in_flight, lag.redelivered)]
    oldest = "" if lag.oldest_seconds is None else f"{lag.oldest_seconds:.1f} s"
    reason = "" if lag.listening else "no subscriber"
    if lag.paused_until:
        reason = f"paused until {lag.paused_until}"
    if lag.unsuitable:
        reason = f"unsuitable: {', '.join(lag.unsuitable)}"
    return (lag.consumer, *numbers, oldest, reason)


def _show_what_to_do(found: _Found) -> None:
    for problem in found.streams:
        show_line(problem)
    if not all(each.provisioned for each in found.consumers):
        show_line("A consumer is missing. Run `marketplace provision --nats-url …`, or restart the platform.")
    if any(each.unsuitable for each in found.consumers):
        show_line("A consumer does not suit its service. Run `marketplace provision --nats-url …` of this version.")
    if any(each.paused_until for each in found.consumers):
        show_line("A consumer is paused. Run `marketplace provision --nats-url …` to resume it.")
    for each in found.outboxes:
        if each.problem:
            show_line(each.problem)
    logs = PlatformSettings.from_environment().logs
    silent = [each for each in found.consumers if each.provisioned and not each.listening and not each.unsuitable]
    for service in dict.fromkeys(each.service for each in silent):
        show_line(
            f"{service} receives no events: it is down, hangs, cannot reach NATS, or waits for an operator. "
            f"Read its log: {logs / service}.log, or the log of its container."
        )
