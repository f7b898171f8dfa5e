"""The folder that holds everything a platform keeps: one platform at a time."""

import fcntl
import os
from pathlib import Path
from typing import TextIO

from marketplace.errors import PlatformError


class DataDir:
    """Locked while open. The kernel drops the lock with the process, however that ends: no stale lock is possible."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: TextIO | None = None

    def open(self) -> None:
        """Raises PlatformError if another platform has it, or if it cannot be written."""
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
                f"Another platform (process {holder}) uses {self.path}. Stop it, or start this one beside it with "
                "other values for DATA_DIR and GATEWAY_PORT."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock

    def close(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None
