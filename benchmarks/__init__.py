"""Measures the speed and the memory of the platform, and compares them with minimal programs that do the same work.

See docs/performance.md.
"""
