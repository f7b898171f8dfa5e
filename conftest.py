"""Fixtures for every test: devkit.testing.plugin."""

# A test file is imported under its path, "tickets/tests/…", whose first part is also the name of a package: that one
# has to be there already, or pytest would take the folder for it.
import auth  # noqa: F401
import benchmarks  # noqa: F401
import expiration  # noqa: F401
import marketplace  # noqa: F401
import orders  # noqa: F401
import payments  # noqa: F401
import tickets  # noqa: F401

pytest_plugins = ["devkit.testing.plugin"]
