"""How fast the platform is, measured beside the barest program that does the same work: docs/performance.md."""
