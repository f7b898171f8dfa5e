"""Each module measures a group of rows. It has a function `async def measure(bench)`, which returns these rows."""
