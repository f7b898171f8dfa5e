"""One module a row of the table, each with `async def measure(bench)`."""
