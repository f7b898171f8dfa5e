"""The demo of a running platform. It sends requests to the gateway, and prints one line per step.

The demo shows a sale, a declined card, and an order that expires.
"""

from marketplace.demo.run import run_demo

__all__ = ["run_demo"]
