"""Measures the platform, and compares it with minimal programs that do the same work. See docs/performance.md."""
