"""Password hashes: their parameters, their verification, and how many run at once."""

import asyncio
import os
import threading
import time

import pytest
from argon2 import Type, extract_parameters

from auth.passwords import Passwords

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def passwords() -> Passwords:
    return Passwords()


async def test_a_hash_is_argon2id_with_19_mib_two_passes_and_one_thread(passwords: Passwords) -> None:
    parameters = extract_parameters(await passwords.hash(PASSWORD))
    assert parameters.type is Type.ID
    assert (parameters.memory_cost, parameters.time_cost, parameters.parallelism) == (19 * 1024, 2, 1)
    assert (parameters.salt_len, parameters.hash_len) == (16, 32)


async def test_two_hashes_of_one_password_differ(passwords: Passwords) -> None:
    assert await passwords.hash(PASSWORD) != await passwords.hash(PASSWORD)


@pytest.mark.parametrize("password", [PASSWORD, "x" * 128, "pässwörd", "🐎" * 128, "with a \0 in it", " spaces "])
async def test_a_password_matches_only_its_own_hash(password: str, passwords: Passwords) -> None:
    hashed = await passwords.hash(password)
    assert password not in hashed
    assert await passwords.verify(password, hashed)
    for other in (password[:-1], password + "x", password.swapcase() + "x", password.strip() + "!", ""):
        assert not await passwords.verify(other, hashed)


@pytest.mark.parametrize("broken", ["", "plain text", "$argon2id$v=19$m=19456,t=2,p=1$short", "$2b$12$" + "a" * 53])
async def test_no_password_matches_a_malformed_hash(broken: str, passwords: Passwords) -> None:
    assert not await passwords.verify(PASSWORD, broken)
    assert not await passwords.verify(broken, broken)


async def test_no_password_matches_an_unknown_user(passwords: Passwords) -> None:
    for password in (PASSWORD, "", "None"):
        assert not await passwords.verify(password, None)


async def test_hashing_does_not_block_the_event_loop(passwords: Passwords) -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    meanwhile = asyncio.create_task(others())
    await asyncio.sleep(0)
    for work in (passwords.hash(PASSWORD), passwords.verify(PASSWORD, None)):
        turns = 0
        await work
        assert turns > 20, "the event loop runs other tasks during a hash"
    meanwhile.cancel()


async def test_no_more_hashes_run_at_once_than_there_are_processors() -> None:
    before = set(threading.enumerate())
    passwords = Passwords()
    await asyncio.gather(*(passwords.verify(PASSWORD, None) for _ in range(4 * (os.cpu_count() or 1))))
    hashing = [thread for thread in set(threading.enumerate()) - before if thread.name.startswith("argon2")]
    assert 1 <= len(hashing) <= (os.cpu_count() or 1)


async def test_an_unknown_user_takes_as_much_processor_time_as_a_wrong_password(passwords: Passwords) -> None:
    """Measured in processor time, which does not depend on other load of this machine."""
    known = await passwords.hash(PASSWORD)

    async def processor_time(password_hash: str | None) -> float:
        begin = time.process_time()
        for _ in range(5):
            assert not await passwords.verify("another password", password_hash)
        return time.process_time() - begin

    assert await processor_time(None) > await processor_time(known) / 2
