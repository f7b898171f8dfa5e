"""The open stream of one browser.

It has a map of the changes that it has not sent yet, with one entry for each ticket. So a browser that reads slowly
gets the newest state later, but never an outdated one, and it needs a bounded amount of memory.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable

from common.domain.ids import UserId
from storefront.live.changes import Change, encode
from storefront.live.limits import Limits

_GREETING = b"retry: 500\n\n"
"""The browser then connects again after half a second. So a page is current again within a second after a fault."""
_RESET = encode("reset")


class Connection:
    def __init__(self, reader: UserId | None, limits: Limits, position: Callable[[], int]) -> None:
        self.has_missed_changes = False
        """The browser must load its content again, but only when the copies are current."""
        self._reader = reader
        self._limits = limits
        self._position = position
        self._waiting: dict[str, Change] = {}
        self._must_reset = False
        self._is_closed = False
        self._wake = asyncio.Event()

    def add(self, changes: Iterable[Change]) -> None:
        """Add changes that the browser has to read, except those that are for another person."""
        for change in changes:
            if change.reader is None or change.reader == self._reader:
                self._waiting[change.key] = change
        if len(self._waiting) > self._limits.waiting_changes:
            self.reset()
        elif self._waiting:
            self._wake.set()

    def reset(self) -> None:
        """Tell the browser to load its content again, because it may have missed changes."""
        self.has_missed_changes = False
        self._waiting.clear()
        self._must_reset = True
        self._wake.set()

    def close(self) -> None:
        self._is_closed = True
        self._wake.set()

    async def read(self) -> AsyncIterator[bytes]:
        """Yield the parts of the answer, until the connection is closed or has lasted too long."""
        yield _GREETING
        time = asyncio.get_running_loop().time
        ends_at = time() + self._limits.longest_connection_seconds
        while not self._is_closed and (left := ends_at - time()) > 0:
            try:
                async with asyncio.timeout(min(left, self._limits.keep_alive_seconds)):
                    await self._wake.wait()
            except TimeoutError:
                yield self._part([b": keep-alive\n"])
                continue
            self._wake.clear()
            if self._must_reset or self._waiting:
                reset = [_RESET] if self._must_reset else []
                waiting, self._waiting, self._must_reset = self._waiting, {}, False
                yield self._part([*reset, *(change.encoded for change in waiting.values())])

    def _part(self, events: list[bytes]) -> bytes:
        """Join events, and add the position up to which the browser then knows everything.

        It comes last and alone. If a browser received only the first events, and one of them had this position, it
        would never receive the others.
        """
        return b"".join((*events, b"id: %d\n\n" % self._position()))
