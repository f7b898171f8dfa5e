"""Remembers what was logged, so that the same problem does not fill the log."""

_MOST = 1000


class LoggedOnce:
    """Remembers up to 1000 keys, for example ids of documents. Then it forgets all, so that it needs little memory."""

    def __init__(self) -> None:
        self._keys: set[str] = set()

    def is_new(self, key: str) -> bool:
        """Return True if this key is passed for the first time."""
        if key in self._keys:
            return False
        if len(self._keys) >= _MOST:
            self._keys.clear()
        self._keys.add(key)
        return True
