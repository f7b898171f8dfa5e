"""Finds streams that are missing or full, for the command `marketplace lag`."""

from nats.js.errors import NotFoundError

from common.messaging.streams import STREAMS
from marketplace.operations.operator import Operator


async def problems_of_streams(operator: Operator) -> list[str]:
    """Return one sentence for each stream that does not exist or accepts no more messages."""
    problems = []
    for stream in STREAMS:
        try:
            info = await operator.broker.jetstream.stream_info(stream.name)
        except NotFoundError:
            problems.append(
                f"The stream {stream.name} does not exist, so services refuse changes. Run `marketplace provision`."
            )
            continue
        limits = (
            ("max_bytes", info.config.max_bytes, info.state.bytes),
            ("max_msgs", info.config.max_msgs, info.state.messages),
        )
        problems += [
            f"The stream {stream.name} is full ({name} is {limit}), so services refuse changes. Raise the limit."
            for name, limit, used in limits
            if limit and 0 < limit <= used
        ]
    return problems
