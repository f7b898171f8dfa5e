"""The demo of a running platform: a sale, a declined card, and an order that expires."""

from marketplace.demo.run import run_demo

__all__ = ["run_demo"]
