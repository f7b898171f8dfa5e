"""Decoding a message that is not valid."""

import pytest

from common.domain.errors import PermanentFailure
from common.events.envelope import decode


@pytest.mark.parametrize(
    ("subject", "data", "reason"),
    [
        ("order.eaten.65f0c0ffee00000000000020", b"{}", "the catalogue has no message with the subject"),
        ("nonsense", b"{}", "the catalogue has no message"),
        ("user.registered.65f0c0ffee00000000000002", b"\xff\xfe", "UserRegistered: Invalid JSON"),
        ("user.registered.65f0c0ffee00000000000002", b'{"id": "x"}', "UserRegistered: version: Field required"),
        (
            "user.registered.65f0c0ffee00000000000002",
            b'{"id": "65f0c0ffee00000000000003", "version": 1, "email": "a@example.com"}',
            "differs from the id in the subject",
        ),
    ],
)
def test_a_malformed_event_is_a_permanent_failure_with_a_reason(subject: str, data: bytes, reason: str) -> None:
    with pytest.raises(PermanentFailure, match=reason):
        decode(subject, data)
