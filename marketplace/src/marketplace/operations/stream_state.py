"""Finds streams that are missing or full, for the command `marketplace lag`."""

from nats.js.errors import NotFoundError

from common.messaging.streams import DEAD_LETTERS, STREAMS, TIMERS
from marketplace.operations.operator import Operator

_CHANGES_ARE_REFUSED = "services refuse changes"
_CONSEQUENCES = {
    TIMERS.name: "no timer fires, and unpaid orders do not expire",
    DEAD_LETTERS.name: "an event that cannot be handled becomes no dead letter, and waits in its service",
}
"""What the lack of a stream means, if changes are accepted without it."""


async def problems_of_streams(operator: Operator) -> list[str]:
    """Return one sentence for each stream that does not exist or accepts no more messages."""
    problems = []
    for stream in STREAMS:
        consequence = _CONSEQUENCES.get(stream.name, _CHANGES_ARE_REFUSED)
        try:
            info = await operator.broker.jetstream.stream_info(stream.name)
        except NotFoundError:
            problems.append(f"The stream {stream.name} does not exist, so {consequence}. Run `marketplace provision`.")
            continue
        limits = (
            ("max_bytes", info.config.max_bytes, info.state.bytes),
            ("max_msgs", info.config.max_msgs, info.state.messages),
        )
        problems += [
            f"The stream {stream.name} is full ({name} is {limit}), so {consequence}. Raise the limit."
            for name, limit, used in limits
            if limit and 0 < limit <= used
        ]
    return problems
