"""One module per group of rows, each with `async def measure(bench)`."""
