"""How far the consumers of a service have come with a long history."""

from nats.js.api import ConsumerConfig, ConsumerInfo, SequenceInfo

from common.domain.clock import utc_now
from common.messaging.catch_up import FAR_BEHIND, CatchUp, Progress


def consumer(name: str, *, handled: int, pending: int, in_flight: int = 0) -> ConsumerInfo:
    """Return what the broker says about a consumer."""
    received = SequenceInfo(consumer_seq=handled + in_flight, stream_seq=handled + in_flight)
    return ConsumerInfo(
        name=name,
        stream_name="DOMAIN_EVENTS",
        config=ConsumerConfig(),
        created=utc_now(),
        delivered=received,
        num_pending=pending,
        num_ack_pending=in_flight,
    )


def test_a_consumer_that_is_a_little_behind_is_no_progress_to_show() -> None:
    catch_up = CatchUp()
    assert catch_up.update([consumer("a", handled=0, pending=FAR_BEHIND - 1)]) is None
    assert not catch_up.is_behind


def test_the_progress_counts_handled_events_and_not_those_in_flight() -> None:
    found = CatchUp().update([consumer("a", handled=2_000, pending=7_900, in_flight=100)])
    assert found == Progress(handled=2_000, left=8_000)
    assert (found.percent, found.total) == (20, 10_000)


def test_only_consumers_that_were_far_behind_count_also_after_they_have_caught_up() -> None:
    """Otherwise the old events of the others would make the percentage too high, and it would jump."""
    catch_up = CatchUp()
    others = [consumer("current", handled=10**6, pending=3)]
    first = [consumer("a", handled=0, pending=4_000), consumer("b", handled=0, pending=4_000)]
    then = [consumer("a", handled=4_000, pending=0), consumer("b", handled=2_000, pending=2_000)]
    assert catch_up.update([*others, *first]) == Progress(0, 8_000)
    assert catch_up.update([*others, *then]) == Progress(6_000, 2_000)


def test_after_the_catch_up_nothing_is_shown_until_a_consumer_is_far_behind_again() -> None:
    catch_up = CatchUp()
    assert catch_up.update([consumer("a", handled=0, pending=5_000)])
    assert catch_up.update([consumer("a", handled=4_500, pending=500)]) is None
    assert not catch_up.is_behind
    assert catch_up.update([consumer("a", handled=5_000, pending=2_000)]) == Progress(5_000, 2_000)


def test_the_percentage_is_never_100_while_events_are_left() -> None:
    assert Progress(handled=10**6, left=1_000).percent == 99
