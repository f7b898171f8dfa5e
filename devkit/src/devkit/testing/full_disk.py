"""Makes the writes of a running process fail, as a full disk does."""

import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from devkit.servers import NatsServer

# Only root can mount a small file system and fill it, and not every machine lets other users do so in a namespace of
# their own. A limit for the size of files needs no permission: all writes that make a file longer fail from then on
# ("file too large" instead of "no space left on device"). NATS reacts to both in the same way.
_UNLIMITED = resource.RLIM_INFINITY

_ONLY_LINUX = "only on Linux, a process can limit the files of another process"

on_linux_only = pytest.mark.skipif(sys.platform != "linux", reason=_ONLY_LINUX)


@contextmanager
def unwritable(pid: int) -> Iterator[None]:
    """Let no file of this process become longer, until the end of the context. Linux only."""
    if sys.platform != "linux":
        raise NotImplementedError(_ONLY_LINUX)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, _UNLIMITED))
    try:
        yield
    finally:
        with suppress(ProcessLookupError):  # the process has ended
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (_UNLIMITED, _UNLIMITED))


class NatsWithFullDisk(NatsServer):
    """A NATS server whose disk can be full for a time."""

    _is_full = False

    @contextmanager
    def full_disk(self) -> Iterator[None]:
        """Let the writes of the server fail until the end of the context. Linux only."""
        self._is_full = True
        try:
            with unwritable(self.pid):
                yield
        finally:
            self._is_full = False

    def has_room(self) -> bool:
        """Return False while the disk is full. The limit is one of the server, so this process could still write."""
        return not self._is_full and super().has_room()
