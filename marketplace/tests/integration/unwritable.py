"""Makes the writes of a running process fail, as a full disk does."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager

# Only root can mount a small file system and fill it, and not every machine lets other users do so in a namespace of
# their own. A limit for the size of files needs no permission: all writes that make a file longer fail from then on
# ("file too large" instead of "no space left on device"). NATS reacts to both in the same way.
_UNLIMITED = resource.RLIM_INFINITY


@contextmanager
def unwritable(pid: int) -> Iterator[None]:
    """Let no file of this process become longer, until the end of the context. Linux only."""
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, _UNLIMITED))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (_UNLIMITED, _UNLIMITED))
