"""Lists about forty tickets of a few sellers on a running platform, so that nobody meets an empty shop."""

from marketplace.seed.run import run_seed

__all__ = ["run_seed"]
