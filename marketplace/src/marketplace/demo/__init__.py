"""The whole story of the marketplace, played against a running platform through its gateway and shown as it happens."""

from marketplace.demo.run import run_demo

__all__ = ["run_demo"]
