"""Fixtures for every test: devkit.testing.plugin."""

# A test file is imported under its path, "tickets/tests/…", whose first part is also the name of a package: that one
# has to be there already, or pytest would take the folder for it.
import benchmarks  # noqa: F401
import marketplace.registry  # noqa: F401

pytest_plugins = ["devkit.testing.plugin"]
