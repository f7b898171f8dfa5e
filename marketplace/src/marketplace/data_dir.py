"""The folder with all data of a platform. Two platforms must not write to the same databases, so we lock the folder."""

import fcntl
import os
from pathlib import Path
from typing import TextIO

from marketplace.errors import PlatformError


class DataDir:
    """The folder with all data of one platform.

    From open() to close(), this process has a lock on the folder, so that no second platform can use the folder. The
    kernel releases the lock when the process ends, even if the process crashes. Therefore no old lock can remain.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: TextIO | None = None

    def open(self) -> None:
        """Create the folder if it does not exist, and lock it.

        Raises PlatformError if another platform uses the folder, or if this process cannot write to the folder.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = (self.path / "lock").open("a+", encoding="utf-8")
        except OSError as error:
            raise PlatformError(
                f"Cannot write to {self.path} ({error.strerror}). Choose another folder with DATA_DIR."
            ) from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip()
            lock.close()
            raise PlatformError(
                f"Another platform (process {holder}) uses {self.path}. Stop it, or set other values for DATA_DIR and "
                "GATEWAY_PORT."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock

    def close(self) -> None:
        """Unlock the folder, so that another platform can use it."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None
