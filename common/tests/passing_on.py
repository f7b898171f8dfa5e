"""Passing bytes on between two connections, for tests that stand between a client and its server."""

import asyncio
from contextlib import suppress


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Until one of the two ends, or this is cancelled; then the writer is closed."""
    try:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
    finally:
        writer.close()
