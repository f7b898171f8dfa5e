"""Computes and checks password hashes. The algorithm is argon2id, with the parameters that OWASP recommends.

The hashes are computed in threads, so that they do not block the event loop. The number of threads is limited, because
each hash needs memory.
"""

import asyncio
import os
import secrets
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError


class Passwords:
    """Computes and checks password hashes. Each hash needs 19 MiB of memory.

    There is one thread per processor core. If all threads are busy, further calls wait until a thread is free.
    """

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
        self._threads = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="argon2")
        self._nobodys_hash = self._hasher.hash(secrets.token_hex())

    async def hash(self, password: str) -> str:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._hasher.hash, password)

    async def verify(self, password: str, password_hash: str | None) -> bool:
        """Return True if `password_hash` is the hash of this password.

        If the user is unknown, the caller passes None as `password_hash`. In this case, the method compares the
        password with `_nobodys_hash`, the hash of a random text, and returns False. So the answer for an unknown user
        takes as long as the answer for a wrong password, and does not show which users exist.
        """
        known = password_hash is not None
        matches = await asyncio.get_running_loop().run_in_executor(
            self._threads, self._matches, password_hash or self._nobodys_hash, password
        )
        return known and matches

    def _matches(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False
