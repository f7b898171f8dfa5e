"""The proxy that refuses other hosts ends in good order. What it refuses: `test_visit.py`."""

import asyncio
import gc
import socket
from contextlib import suppress
from urllib.parse import urlsplit

import pytest
from browser.other_hosts import OtherHosts

_SHOP = "http://127.0.0.1:1"


@pytest.mark.parametrize("turns", range(6))
async def test_a_connection_that_arrives_while_the_proxy_ends_is_closed(turns: int) -> None:
    """`turns` of the event loop pass in between. A connection that stays open fails a test when Python collects it."""
    with socket.socket() as browser:
        browser.setblocking(False)
        async with OtherHosts.refused(_SHOP) as others:
            with suppress(BlockingIOError):
                browser.connect(("127.0.0.1", urlsplit(others.proxy["server"]).port))
            for _ in range(turns):
                await asyncio.sleep(0)
        browser.settimeout(5)
        with suppress(ConnectionError):
            assert browser.recv(1) == b""
    gc.collect()
