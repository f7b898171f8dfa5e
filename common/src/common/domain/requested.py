"""Aggregates that know the request that has created them, so that a repeated request does not create a second one."""

from dataclasses import dataclass
from typing import Generic

from common.domain.aggregate import Aggregate, E


@dataclass(frozen=True)
class RequestKey:
    """Names a request that has the header Idempotency-Key. A repeated request has an equal RequestKey."""

    key: str
    """The id of the user and the Idempotency-Key. So two users may choose the same Idempotency-Key."""
    fingerprint: str
    """The hash of the body. It shows if the client has used the key for another request."""


class RequestedAggregate(Aggregate[E], Generic[E]):
    """An aggregate that a request with the header Idempotency-Key can create.

    Its repository is a RequestedRepository, which finds the aggregate if the client repeats the request.
    """

    request_key: str | None = None
    """The `key` of the RequestKey of the request that created the aggregate. None if there was no Idempotency-Key."""
    request_fingerprint: str | None = None
    """The `fingerprint` of the same RequestKey. It is also None if an older version has stored the `request_key`."""

    def _set_request(self, request: RequestKey | None) -> None:
        if request is not None:
            self.request_key, self.request_fingerprint = request.key, request.fingerprint
