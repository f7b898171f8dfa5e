"""The measurements of the benchmark.

Each module measures one or more rows of the result table. Its function `async def measure(bench)` returns these rows.
"""
